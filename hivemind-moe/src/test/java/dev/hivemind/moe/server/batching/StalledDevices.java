package dev.hivemind.moe.server.batching;

import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/** Lets {@link BatchingRuntimeTest} hold up a device thread, which stands for a computation that takes long. */
public final class StalledDevices implements BlockHoundIntegration {

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside(BatchingRuntimeTest.class.getName(), "uninterrupted");
    }
}
