package dev.hivemind.moe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

class DeviceSchedulerTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final DeviceScheduler device = DeviceScheduler.create("hivemind-device-test", 1);

    @AfterEach
    void dispose() {
        device.dispose();
    }

    @Test
    void scheduler_runsTasksOnItsNamedThreadWithoutGradMode() {
        var seen = Mono.fromCallable(() -> Thread.currentThread().getName() + " " + TensorOps.isGradMode())
                .subscribeOn(device.scheduler());

        StepVerifier.create(seen)
                .expectNext("hivemind-device-test false")
                .expectComplete()
                .verify(TIMEOUT);
    }

    @Test
    void inDeviceThread_isTrueThereAlone() {
        StepVerifier.create(Mono.fromCallable(device::inDeviceThread).subscribeOn(device.scheduler()))
                .expectNext(true)
                .expectComplete()
                .verify(TIMEOUT);

        assertThat(device.inDeviceThread()).isFalse();
    }

    @Test
    void inDeviceThread_onAnotherDevice_isFalse() {
        DeviceScheduler other = DeviceScheduler.create("hivemind-device-other", 1);

        StepVerifier.create(Mono.fromCallable(device::inDeviceThread).subscribeOn(other.scheduler()))
                .expectNext(false)
                .expectComplete()
                .verify(TIMEOUT);
        other.dispose();
    }

    @Test
    void scheduler_refusesToBlock() {
        StepVerifier.create(Mono.fromCallable(() -> Mono.never().block(Duration.ofMillis(1)))
                        .subscribeOn(device.scheduler()))
                .expectError(IllegalStateException.class)
                .verify(TIMEOUT);
    }

    @Test
    void dispose_endsTheScheduler() {
        device.dispose();

        assertThat(device.isDisposed()).isTrue();
    }

    @Test
    void disposeAfterTasks_withATaskThatWaits_runsItAndRejectsOthers() throws InterruptedException {
        var free = new CountDownLatch(1);
        var ran = new CountDownLatch(1);
        device.scheduler().schedule(() -> {
            try {
                free.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        device.scheduler().schedule(ran::countDown);

        device.disposeAfterTasks();
        free.countDown();

        assertThat(ran.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(device.isDisposed()).isTrue();
        assertThatThrownBy(() -> device.scheduler().schedule(() -> {})).isInstanceOf(RejectedExecutionException.class);
    }
}
