package dev.hivemind.rsocket;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.hivemind.rsocket.frame.Operation;
import dev.hivemind.rsocket.identity.PeerAddress;
import dev.hivemind.testkit.FaultProxy;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What is logged when a connection breaks under many calls. */
class CutConnectionTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int CALLS = 40;

    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private final PeerNode listener =
            PeerNode.builder().listen(new PeerAddress("127.0.0.1", 0)).build();
    private final PeerNode dialler = PeerNode.builder().build();
    private final CountDownLatch served = new CountDownLatch(8);
    private FaultProxy proxy;

    @BeforeEach
    void start() {
        listener.start().block(TIMEOUT);
        proxy = FaultProxy.start(
                new InetSocketAddress("127.0.0.1", listener.addresses().get(0).port()));
        logged.start();
        root().addAppender(logged);
    }

    @AfterEach
    void close() {
        root().detachAppender(logged);
        proxy.close();
        Flux.just(dialler, listener).flatMap(PeerNode::close).then().block(TIMEOUT);
    }

    private static Logger root() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 100_000, 300_000})
    void calls_whoseConnectionIsCut_failWithoutAFloodOfLogs(int bytes) throws InterruptedException {
        listener.handle(Operation.EXPERT_FORWARD, (caller, request) -> {
            served.countDown();
            return Mono.never();
        });
        cutUnder(() -> Bodies.request(bytes));
    }

    @ParameterizedTest
    @ValueSource(ints = {100_000, 3_000_000})
    void replies_whoseConnectionIsCut_endWithoutAFloodOfLogs(int bytes) throws InterruptedException {
        listener.handle(Operation.EXPERT_FORWARD, (caller, request) -> {
            served.countDown();
            return Mono.fromSupplier(() -> Bodies.reply(bytes));
        });
        proxy.toClient().throttle(1_000_000);
        cutUnder(() -> Bodies.request(1).expectingReplyOf(bytes));
    }

    private void cutUnder(Supplier<Request> request) throws InterruptedException {
        PeerConnection connection =
                dialler.connect(new PeerAddress("127.0.0.1", proxy.port())).block(TIMEOUT);
        var failures = Flux.range(0, CALLS)
                .flatMap(i -> failure(connection, request), CALLS)
                .collectList()
                .toFuture();
        assertThat(served.await(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        proxy.cut();

        assertThat(failures.orTimeout(TIMEOUT.toSeconds(), TimeUnit.SECONDS).join())
                .isNotEmpty();
        connection.onClose().block(TIMEOUT);
        dialler.close().then(listener.close()).block(TIMEOUT);
        assertThat(List.copyOf(logged.list))
                .filteredOn(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
                .extracting(event -> event.getLoggerName() + ": " + event.getFormattedMessage()
                        + (event.getThrowableProxy() == null
                                ? ""
                                : event.getThrowableProxy().getMessage()))
                .isEmpty();
    }

    private static Mono<Throwable> failure(PeerConnection connection, Supplier<Request> request) {
        return Mono.using(request::get, connection::request, Request::release)
                .doOnNext(Reply::release)
                .then(Mono.<Throwable>empty())
                .onErrorResume(Mono::just);
    }
}
