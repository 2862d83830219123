"""A table of a config."""

from jax_logreg.errors.extras import needs

with needs("run"):
    from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of a config: no unknown keys, no guessed types, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
