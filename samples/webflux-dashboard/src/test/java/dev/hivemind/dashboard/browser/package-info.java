/**
 * What people see: the page in a real browser, beside a real small swarm. {@link dev.hivemind.dashboard.browser.Chromium} is
 * the browser, {@link dev.hivemind.dashboard.browser.DashboardPage} the page as a test reads it, and {@link
 * dev.hivemind.dashboard.browser.SmallSwarm} what the page shows. Without a Chromium on the machine these tests are left
 * out, unless {@code CI=true} or {@code -Dhivemind.browser=required}.
 */
@NullMarked
package dev.hivemind.dashboard.browser;

import org.jspecify.annotations.NullMarked;
