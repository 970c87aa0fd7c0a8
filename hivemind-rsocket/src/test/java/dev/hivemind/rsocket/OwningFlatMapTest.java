package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;

class OwningFlatMapTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private static <S, T> Flux<T> mapped(Flux<S> source, Function<S, Publisher<T>> mapper, int concurrency) {
        return new OwningFlatMap<>(source, mapper, concurrency);
    }

    @Test
    void subscribe_toManySources_emitsWhatFlatMapDoes() {
        Function<Integer, Publisher<Integer>> mapper = i -> Flux.range(i, i % 4).publishOn(Schedulers.parallel());

        List<Integer> items =
                mapped(Flux.range(0, 500), mapper, 7).collectList().block(TIMEOUT);

        List<Integer> expected =
                Flux.range(0, 500).concatMap(mapper).collectList().block(TIMEOUT);
        assertThat(items).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void subscribe_toNothing_completes() {
        StepVerifier.create(mapped(Flux.empty(), Mono::just, 3)).verifyComplete();
    }

    @Test
    void onNext_ofInnerSources_keepsTheOrderOfArrival() {
        Sinks.One<String> first = Sinks.one();
        Sinks.One<String> second = Sinks.one();

        StepVerifier.create(OwningFlatMap.merge(
                        first.asMono().flux(), second.asMono().flux()))
                .then(() -> second.tryEmitValue("second"))
                .expectNext("second")
                .then(() -> first.tryEmitValue("first"))
                .expectNext("first")
                .verifyComplete();
    }

    @Test
    void request_whileItemsWait_takesNoMoreFromTheSource() {
        var source = TestPublisher.<Integer>create();

        StepVerifier.create(mapped(source.flux(), Mono::just, 2), 0)
                .then(() -> source.assertMinRequested(2).next(1, 2))
                .then(() -> source.assertMaxRequested(2))
                .thenRequest(1)
                .expectNext(1)
                .then(() -> source.assertMinRequested(1))
                .thenCancel()
                .verify(TIMEOUT);
    }

    @Test
    void onError_ofAnInnerSource_cancelsTheOthersAndTheSource() {
        var source = TestPublisher.<Publisher<Integer>>create();
        var slow = TestPublisher.<Integer>create();

        StepVerifier.create(mapped(source.flux(), each -> each, 2))
                .then(() -> source.next(slow))
                .then(() -> source.next(Mono.error(new IllegalStateException("broken"))))
                .verifyErrorMessage("broken");

        slow.assertWasCancelled();
        source.assertWasCancelled();
    }

    @Test
    void onError_ofTheMapper_endsTheFlux() {
        StepVerifier.create(mapped(
                        Flux.just(1),
                        i -> {
                            throw new IllegalStateException("broken");
                        },
                        2))
                .verifyErrorMessage("broken");
    }

    @Test
    void onError_whileItemsWait_releasesThem() {
        ByteBuf waiting = Unpooled.buffer(1);

        StepVerifier.create(OwningFlatMap.merge(Flux.just(waiting), Flux.error(new IllegalStateException("broken"))), 0)
                .verifyErrorMessage("broken");

        assertThat(waiting.refCnt()).isZero();
    }

    /** Of Reactor's flatMap this finds buffers that are released twice. */
    @Test
    void cancel_whileInnerSourcesEmit_endsEveryItemOnce() throws InterruptedException {
        Queue<ByteBuf> made = new ConcurrentLinkedQueue<>();
        for (int round = 0; round < 3_000; round++) {
            cancelSomewhere(round % 12, made);
        }
        assertThat(made).isNotEmpty().allMatch(buffer -> buffer.refCnt() == 1);
    }

    private static void cancelSomewhere(int moment, Queue<ByteBuf> made) throws InterruptedException {
        var emitters = new ArrayList<Thread>();
        var emitted = new AtomicInteger();
        Flux<ByteBuf> buffers = Flux.range(0, 20).map(i -> {
            ByteBuf buffer = Unpooled.buffer(1);
            made.add(buffer.retain());
            emitted.incrementAndGet();
            return buffer;
        });
        Function<Integer, Publisher<ByteBuf>> emitting = i -> inner -> {
            var emitter = new Thread(() -> buffers.subscribe(inner));
            emitters.add(emitter);
            emitter.start();
        };
        var subscriber = new BaseSubscriber<ByteBuf>() {
            @Override
            protected void hookOnNext(ByteBuf item) {
                item.release();
            }
        };

        mapped(Flux.just(1, 2), emitting, 2).subscribe(subscriber);
        while (emitted.get() < moment) {
            Thread.onSpinWait();
        }
        subscriber.cancel();
        for (Thread emitter : emitters) {
            emitter.join();
        }
    }
}
