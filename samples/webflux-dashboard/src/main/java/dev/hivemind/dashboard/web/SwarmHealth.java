package dev.hivemind.dashboard.web;

import dev.hivemind.dashboard.history.SwarmView.ConnectionView;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;

/** Whether there is a swarm to look at: out of service while none can be reached. The process itself is alive then. */
record SwarmHealth(UpdateFeed feed) implements HealthIndicator {

    @Override
    public Health health() {
        ConnectionView connection = feed.connection();
        Health.Builder health = connection.state().equals("joined") ? Health.up() : Health.outOfService();
        return health.withDetail("peer", connection.peer())
                .withDetail("text", connection.text())
                .build();
    }
}
