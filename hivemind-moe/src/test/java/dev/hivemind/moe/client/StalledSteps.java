package dev.hivemind.moe.client;

import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/** Lets {@link RepeatedBackwardTest} hold up the step of an expert until the connection is broken. */
public final class StalledSteps implements BlockHoundIntegration {

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside(RepeatedBackwardTest.Scaling.class.getName(), "await");
    }
}
