"""How a profile stands: what its sinks hold, how its runs went, and which troubles began, last and are over."""

from wrikebackup_core.engine.standing.causes import cause_of
from wrikebackup_core.engine.standing.history import History
from wrikebackup_core.engine.standing.looking import Place, look
from wrikebackup_core.engine.standing.notes import Notes, NotesFile, here
from wrikebackup_core.engine.standing.troubles import Open, judge

__all__ = ["History", "Notes", "NotesFile", "Open", "Place", "cause_of", "here", "judge", "look"]
