package dev.hivemind.dashboard.history;

/** Whether the events of a node arrive. */
public enum FeedState {
    /** They do. */
    LIVE,
    /** They soon will. */
    CONNECTING,
    /** The node tells nothing, or there is no room for it. */
    NONE
}
