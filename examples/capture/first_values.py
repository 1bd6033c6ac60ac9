"""Records two readings and their mean in var/lab, and asks what the mean was made from.

python examples/capture/first_values.py [FOLDER]
"""

import sys

from headwater.capture import Location, Recorder

folder = sys.argv[1] if len(sys.argv) > 1 else "var/lab"

with Recorder(folder, node="0000a1", name="lab", location=Location("bench 3")) as recorder:
    before = recorder.record("meter-1", "power", 231.4)
    after = recorder.record("meter-1", "power", 229.8)
    mean = recorder.derive("meter-1", "power.mean", 230.6, inputs=[before, after], contribution="average")

    print(f"{mean} is {recorder.reading(mean).value}, made from")
    for point in recorder.inputs(mean):
        print(f"  {point}, which is {recorder.reading(point).value}")
