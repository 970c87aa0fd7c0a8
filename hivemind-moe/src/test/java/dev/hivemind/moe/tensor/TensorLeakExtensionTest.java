package dev.hivemind.moe.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

class TensorLeakExtensionTest {

    private static NDManager left;

    @Test
    void extension_classThatLeavesAManagerOpen_failsTheClassAndShowsWhere() {
        try {
            assertThat(run(Leaking.class).failed().list())
                    .singleElement()
                    .extracting(event -> event.getRequiredPayload(TestExecutionResult.class)
                            .getThrowable()
                            .orElseThrow())
                    .satisfies(error -> {
                        assertThat(error).hasMessage("A manager of 1 arrays was not closed");
                        assertThat(error.getCause().getStackTrace())
                                .anyMatch(frame -> frame.getMethodName().equals("leaveAManagerOpen"));
                    });
        } finally {
            left.close();
        }
    }

    @Test
    void extension_classThatClosesItsManagers_passes() {
        assertThat(run(Tidy.class).failed().count()).isZero();
    }

    @Test
    void openManagers_afterClose_isWhatItWas() {
        int before = TensorOps.openManagers();

        try (NDManager manager = TensorOps.newManager()) {
            assertThat(manager.isOpen()).isTrue();
            assertThat(TensorOps.openManagers()).isEqualTo(before + 1);
        }

        assertThat(TensorOps.openManagers()).isEqualTo(before);
    }

    private static Events run(Class<?> testClass) {
        return EngineTestKit.engine("junit-jupiter")
                .configurationParameter("junit.jupiter.extensions.autodetection.enabled", "true")
                .selectors(DiscoverySelectors.selectClass(testClass))
                .execute()
                .allEvents();
    }

    static final class Leaking {

        @Test
        void leaveAManagerOpen() {
            left = TensorOps.newManager();
            left.create(1f);
        }
    }

    static final class Tidy {

        private static final NDManager MANAGER = TensorOps.newManager();

        @AfterAll
        static void close() {
            MANAGER.close();
        }

        @Test
        void useAManager() {
            MANAGER.create(1f);
        }
    }
}
