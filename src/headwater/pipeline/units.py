"""Units of measurement that the step `scale` converts between, each as a factor and an offset to its base unit."""

from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """A value in this unit times `factor` plus `offset` is the value in the base unit."""

    quantity: str
    factor: Fraction
    offset: Fraction = Fraction(0)


class Linear(NamedTuple):
    """What a conversion does: value * factor + offset."""

    factor: Fraction
    offset: Fraction


def _all(quantity: str, **factors: str) -> dict[str, Unit]:
    return {name: Unit(quantity, Fraction(factor)) for name, factor in factors.items()}


UNITS: dict[str, Unit] = {
    **_all("power", mW="0.001", W="1", kW="1000", MW="1000000", GW="1000000000", hp="745.69987158227022"),
    **_all("reactive power", var="1", kvar="1000", Mvar="1000000"),
    **_all("apparent power", VA="1", kVA="1000", MVA="1000000"),
    **_all("energy", J="1", kJ="1000", MJ="1000000", GJ="1000000000", Wh="3600", kWh="3600000", MWh="3600000000"),
    **_all("energy", GWh="3600000000000", cal="4.184", kcal="4184", BTU="1055.05585262", therm="105505585.262"),
    **_all("voltage", uV="0.000001", mV="0.001", V="1", kV="1000"),
    **_all("current", uA="0.000001", mA="0.001", A="1", kA="1000"),
    **_all("frequency", mHz="0.001", Hz="1", kHz="1000", MHz="1000000"),
    **_all("length", mm="0.001", cm="0.01", m="1", km="1000", inch="0.0254", ft="0.3048", mile="1609.344"),
    **_all("volume", ml="0.001", l="1", m3="1000", gallon="3.785411784", ft3="28.316846592"),
    **_all("mass", mg="0.000001", g="0.001", kg="1", t="1000", lb="0.45359237"),
    **_all("pressure", Pa="1", hPa="100", kPa="1000", mbar="100", bar="100000", psi="6894.757293168361", atm="101325"),
    **_all("time", ms="0.001", s="1", min="60", h="3600", d="86400"),
    "m/s": Unit("speed", Fraction(1)),
    "km/h": Unit("speed", Fraction(5, 18)),
    "mph": Unit("speed", Fraction("0.44704")),
    "kn": Unit("speed", Fraction(463, 900)),
    "K": Unit("temperature", Fraction(1)),
    "C": Unit("temperature", Fraction(1), Fraction("273.15")),
    "F": Unit("temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "1": Unit("share", Fraction(1)),
    "%": Unit("share", Fraction(1, 100)),
    "ppm": Unit("share", Fraction(1, 10**6)),
}


def conversion(text: str) -> Linear:
    """What "Wh -> kWh" does to a value; ValueError says what is wrong and which units there are."""
    names = [name.strip() for name in text.split("->")]
    if len(names) != 2:
        raise ValueError(f'"{text}" is no conversion: two units with -> between them are needed, such as "Wh -> kWh"')
    unknown = [name for name in names if name not in UNITS]
    if unknown:
        raise ValueError(f'"{unknown[0]}" is no unit that is known: {", ".join(UNITS)}')
    source, target = (UNITS[name] for name in names)
    if source.quantity != target.quantity:
        raise ValueError(f"{names[0]} is a unit of {source.quantity}, {names[1]} one of {target.quantity}")
    return Linear(source.factor / target.factor, (source.offset - target.offset) / target.factor)
