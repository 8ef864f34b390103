"""The timing of a cluster of replicas, in seconds of the machine's clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTiming:
    """How fast replicas notice each other's end; tests shorten it."""

    heartbeat_s: float = 0.6  #: between two heartbeats
    lease_s: float = 2.0  #: after the last heartbeat that the database accepted, for which we may write
    stalled_s: float = 2.5  #: without a heartbeat, after which others take a replica's work
    eviction_check_s: float = 0.5  #: between two searches for stalled replicas
    eviction_grace_s: float = 20.0  #: without evictions after an outage, when every heartbeat is old
    join_grace_s: float = 3.0  #: without evictions for a new replica, which cannot know of an outage
    poll_s: float = 1.0  #: between two looks for work and cancellations that no notification announced
    sweep_s: float = 5.0  #: between two searches for open events without a job
    reconnect_s: float = 0.5  #: between two attempts to reach the database
