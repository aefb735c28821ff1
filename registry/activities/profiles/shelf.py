"""The profiles that ship with the project (`records/<id>.json`), read once and checked."""

from functools import cache
from importlib.resources import files

from registry.activities.profiles.profile import Profile, parse
from registry.errors import Invalid, NotFound


@cache
def shipped() -> tuple[Profile, ...]:
    """Read every profile, by id. Raises `Invalid` when one is not well formed or is misnamed."""
    found = []
    for entry in sorted((files(__package__) / "records").iterdir(), key=lambda entry: entry.name):
        profile = parse(entry.read_bytes())
        if entry.name != f"{profile.id}.json":
            raise Invalid(f"The file {entry.name} holds the profile {profile.id}.")
        found.append(profile)
    return tuple(found)


def find(name: str) -> Profile:
    """Find a profile by its id. Raises `NotFound`."""
    for profile in shipped():
        if profile.id == name:
            return profile
    raise NotFound(f"There is no profile {name[:60]!r}; there are: {', '.join(profile.id for profile in shipped())}.")
