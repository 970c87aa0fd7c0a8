package dev.hivemind.dashboard.web;

/**
 * What the dashboard says of itself.
 *
 * @param self its id in the swarm
 * @param reportTo where trainers report to
 * @param startedAt in milliseconds since 1970
 */
public record About(String version, String commit, String self, String reportTo, long startedAt) {}
