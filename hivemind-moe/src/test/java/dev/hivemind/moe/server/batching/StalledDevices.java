package dev.hivemind.moe.server.batching;

import dev.hivemind.moe.server.StallingExpert;
import dev.hivemind.moe.tensor.TensorOps;
import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/** Lets tests hold up a device thread, which stands for a computation that takes long, and lets one load the engine. */
public final class StalledDevices implements BlockHoundIntegration {

    @Override
    public void applyTo(BlockHound.Builder builder) {
        builder.allowBlockingCallsInside(NegatingRuntime.class.getName(), "uninterrupted")
                .allowBlockingCallsInside(BatchingTimesTest.class.getName(), "meet")
                .allowBlockingCallsInside(StallingExpert.class.getName(), "await")
                .allowBlockingCallsInside(TensorOps.class.getName(), "loadEngine");
    }
}
