"""Where settings come from: the only room that reads the environment."""

from toolkit.config.connection import PROFILE_LOCAL, Connection, load_connection
from toolkit.config.folders import cache_folder, is_root, local_record, program_environment, state_folder
from toolkit.config.settings import NAMESPACE, Settings, load_settings

__all__ = [
    "NAMESPACE",
    "PROFILE_LOCAL",
    "Connection",
    "Settings",
    "cache_folder",
    "is_root",
    "load_connection",
    "load_settings",
    "local_record",
    "program_environment",
    "state_folder",
]
