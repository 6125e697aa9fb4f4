"""Where settings come from: the only room that reads the environment."""

from toolkit.config.connection import Connection
from toolkit.config.folders import cache_folder, is_root, local_record, program_environment, state_folder
from toolkit.config.keys import NAMESPACE
from toolkit.config.ocs import OcsAccess, load_ocs_access, load_ocs_uri
from toolkit.config.sample import sample
from toolkit.config.settings import Settings, load_settings
from toolkit.config.sources import PROFILE_LOCAL, load_connection

__all__ = [
    "NAMESPACE",
    "PROFILE_LOCAL",
    "Connection",
    "OcsAccess",
    "Settings",
    "cache_folder",
    "is_root",
    "load_connection",
    "load_ocs_access",
    "load_ocs_uri",
    "load_settings",
    "local_record",
    "program_environment",
    "sample",
    "state_folder",
]
