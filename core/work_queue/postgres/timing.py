"""The numbers of the cluster, in seconds of the machine's clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTiming:
    """How fast replicas notice each other's end; tests shorten it."""

    heartbeat_s: float = 0.6  #: between two heartbeats
    lease_s: float = 2.0  #: after the last heartbeat that the database took, nothing more is shown
    stalled_s: float = 2.5  #: after this without a heartbeat others take a replica's work
    eviction_check_s: float = 0.5  #: between two looks at the others
    eviction_grace_s: float = 20.0  #: after an outage every heartbeat looks old: nobody is declared dead
    join_grace_s: float = 3.0  #: the same for a new replica, which cannot know of an outage
    poll_s: float = 1.0  #: the net under NOTIFY, for work and for wishes to end an answer
    sweep_s: float = 5.0  #: between two searches for open events without a job
    reconnect_s: float = 0.5  #: between two tries to reach the database
