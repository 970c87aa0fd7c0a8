package dev.hivemind.dht.sim;

import java.time.Duration;
import java.util.SplittableRandom;

/**
 * How messages travel.
 *
 * @param median of the delay of one message
 * @param sigma of its log-normal distribution
 * @param loss how many of 1 are lost
 * @param duplication how many of 1 arrive twice
 */
public record SimLink(Duration median, double sigma, double loss, double duplication) {

    /** A round trip of about 85 ms, without any loss. */
    public static final SimLink INTERNET = new SimLink(Duration.ofMillis(40), 0.5, 0, 0);

    /** The same link that loses and repeats messages. */
    public SimLink with(double newLoss, double newDuplication) {
        return new SimLink(median, sigma, newLoss, newDuplication);
    }

    Duration delay(SplittableRandom random) {
        return Duration.ofNanos((long) (median.toNanos() * Math.exp(sigma * gaussian(random))));
    }

    private static double gaussian(SplittableRandom random) {
        double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
        return radius * Math.cos(2 * Math.PI * random.nextDouble());
    }

    boolean loses(SplittableRandom random) {
        return loss > 0 && random.nextDouble() < loss;
    }

    boolean duplicates(SplittableRandom random) {
        return duplication > 0 && random.nextDouble() < duplication;
    }
}
