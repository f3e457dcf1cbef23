"""Trained models in the memory of a process: each is read once, the ones unused longest are dropped."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from app.brains import limits
from app.brains.nlu.encoder import Encoder, is_installed
from app.brains.nlu.training.training_process import TrainingResult, train_apart
from app.brains.nlu.training.training_set import TrainingSet
from app.immutable import immutable

if TYPE_CHECKING:
    from app.brains.nlu.trained_model import Model


log = logging.getLogger(__name__)


@immutable
class LoadedModel:
    """Model ready to be asked, the digest it is known by, and its encoder, if this installation has it.

    An encoder of other files than the model was trained with is not asked.
    """

    model: "Model"
    digest: str
    encoder: Encoder | None

    def encode(self, sentences: Any) -> Any:
        """Return the vectors of sentences; None where the words alone have to do."""
        trained_with = self.model.encoder
        if self.encoder is None or trained_with is None:
            return None
        if not self.encoder.start(limits.ENCODER_START_SECONDS) or self.encoder.digest != trained_with.digest:
            return None
        return self.encoder.encode(sentences)


class ModelCache:
    """Trained models by their digest, and what training made of drafts; for many threads.

    One process has one: models are read-only, and two of one digest are the same.
    """

    def __init__(self, size: int = limits.MODELS_KEPT) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._training = threading.Lock()
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._results: OrderedDict[str, TrainingResult] = OrderedDict()
        self._encoders: dict[str, Encoder] = {}

    def load(self, digest: str, read: Callable[[], bytes]) -> LoadedModel:
        """Return the model of a digest, read by `read` unless it is here; raises UnreadableModel."""
        with self._lock:
            found = self._models.get(digest)
            if found:
                self._models.move_to_end(digest)
                return found
        # numpy comes with it, and only with it.
        from app.brains.nlu.storage import load_model  # noqa: PLC0415

        model = load_model(read(), digest)
        with self._lock:
            name = model.encoder.name if model.encoder else ""
            encoder = self._encoders.setdefault(name, Encoder(name)) if name else None
            found = self._models[digest] = LoadedModel(model, digest, encoder)
            while len(self._models) > self._size:
                self._models.popitem(last=False)
        return found

    def find_encode(self, name: str) -> Callable[[Any], Any] | None:
        """Return what encodes sentences by an encoder that runs for one of the models; None where none does."""
        with self._lock:
            found = self._encoders.get(name)
        return found.encode if found and found.process_id else None

    def is_trained(self, wanted: TrainingSet) -> bool:
        """Whether the result of a training of this set is in memory."""
        with self._lock:
            return wanted.digest in self._results

    def keep_result(self, wanted: TrainingSet, result: TrainingResult) -> None:
        """Remember what a training in another process made of a set, unless its encoder is to be asked again."""
        if not _lacks_encoder(wanted, result):
            self._remember(wanted, result)

    def train(
        self,
        wanted: TrainingSet,
        progress: Callable[[float], None] = lambda _share: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> TrainingResult:
        """Return what training makes of a set, from memory if it was trained before; raises TrainingFailed.

        One training runs at a time: a second one of the same set finds the first one's result. A result without the
        encoder that is wanted and installed is not kept: the next training asks it again.
        """
        with self._training:
            with self._lock:
                found = self._results.get(wanted.digest)
            if found is None:
                found = train_apart(wanted, progress, is_cancelled)
            if _lacks_encoder(wanted, found):
                log.warning("the encoder %s did not answer in a training; words alone decide", wanted.encoder)
            else:
                self._remember(wanted, found)
            return found

    def _remember(self, wanted: TrainingSet, result: TrainingResult) -> None:
        with self._lock:
            self._results[wanted.digest] = result
            self._results.move_to_end(wanted.digest)
            while len(self._results) > self._size:
                self._results.popitem(last=False)


def _lacks_encoder(wanted: TrainingSet, result: TrainingResult) -> bool:
    """Tell whether an encoder that is installed had no part in a result that wanted it."""
    return is_installed(wanted.encoder) and not result.report.get("encoder")


MODELS: Final = ModelCache()
