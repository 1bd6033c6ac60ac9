"""The judge of the nodes, which is in the store's process, as the API asks it."""

import grpc

from headwater.model.errors import NotFound, Rejected, Unavailable
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import ProvenanceStub

ANSWER_S_MAX = 5.0


async def ask_to_forget(address: str, node: int) -> None:
    """Have a node judged no longer, until it reports again.

    NotFound when it is not judged, Rejected("in-use") with the reason when it is not gone, Unavailable when the store's
    process does not answer.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            await ProvenanceStub(channel).forget(pb.NodeGone(node=node.to_bytes(3, "big")), timeout=ANSWER_S_MAX)
        except grpc.aio.AioRpcError as error:
            said = error.details() or ""
            match error.code():
                case grpc.StatusCode.NOT_FOUND:
                    raise NotFound(said) from None
                case grpc.StatusCode.FAILED_PRECONDITION:
                    raise Rejected("in-use", said) from None
            raise Unavailable(f"the store at {address} cannot be asked: {said}", 1.0) from None
