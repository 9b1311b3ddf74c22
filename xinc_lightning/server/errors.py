"""What is wrong with a request."""

from xinc_lightning.errors import UserError


class RequestError(UserError):
    """A request makes no sense; the message is one sentence.

    Attributes:
        status: of the answer, 4xx.
    """

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status
