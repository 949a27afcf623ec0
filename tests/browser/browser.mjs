// SPDX-License-Identifier: BSL-1.0
// Browser: as much of W3C WebDriver as a person needs: open, read, type, press, look at cookies.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const elementKey = 'element-6066-11e4-a52e-4f735466cecf'; // WebDriver §12.1

/// A port that was free a moment ago.
export function freePort() {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.on('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

/// Starts a program and waits until it has printed `line`; ends with the test process.
export async function start(program, args, env, line) {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    process.once('exit', () => child.kill('SIGKILL'));
    child.said = '';
    child.complained = '';
    child.stderr.on('data', (bytes) => (child.complained += bytes));
    child.ended = new Promise((resolve) => {
        child.on('exit', (code) => resolve(code));
        child.on('error', (error) => resolve(String(error)));
    });
    const spoken = new Promise((resolve) => {
        child.stdout.on('data', (bytes) => {
            child.said += bytes;
            if (line.test(child.said)) resolve(true);
        });
    });
    const patience = new AbortController();
    const first = await Promise.race([
        spoken,
        child.ended,
        sleep(30000, 'nothing', { signal: patience.signal }),
    ]);
    patience.abort();
    if (first !== true)
        throw new Error(`${program}: ${first}: ${child.said}${child.complained}`);
    return child;
}

/// ChromeDriver, and the port it listens on. It takes a port that is free on IPv6 and wants the same
/// one on IPv4, where somebody else may have it: then it is asked again.
export async function startDriver() {
    for (let tries = 1; ; ++tries) {
        try {
            const driver = await start('chromedriver', ['--port=0'], {}, /started successfully on port \d+/);
            return { driver, port: driver.said.match(/successfully on port (\d+)/)[1] };
        } catch (error) {
            if (tries === 5 || !error.message.includes('port not available')) throw error;
        }
    }
}

export class Browser {
    static async open(driverPort, folder) {
        const browser = new Browser();
        browser.base = `http://127.0.0.1:${driverPort}`;
        const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
            '--no-proxy-server', '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--window-size=900,700', `--user-data-dir=${folder}`];
        const made = await browser.call('POST', '/session', {
            capabilities: {
                alwaysMatch: {
                    'goog:chromeOptions': { binary: process.env.CHROMIUM, args },
                    'goog:loggingPrefs': { browser: 'ALL' },
                },
            },
        });
        browser.base += `/session/${made.sessionId}`;
        await browser.call('POST', '/timeouts', { implicit: 5000, pageLoad: 20000 });
        return browser;
    }

    async call(method, path, body) {
        const answer = await fetch(this.base + path, {
            method,
            body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined,
            signal: AbortSignal.timeout(30000),
        });
        const { value } = await answer.json();
        if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
        return value;
    }

    go(url) { return this.call('POST', '/url', { url }); }
    reload() { return this.call('POST', '/refresh'); }
    url() { return this.call('GET', '/url'); }
    title() { return this.call('GET', '/title'); }
    cookies() { return this.call('GET', '/cookie'); }
    async element(css) {
        const found = await this.call('POST', '/element', { using: 'css selector', value: css });
        return found[elementKey];
    }
    async text(css) { return this.call('GET', `/element/${await this.element(css)}/text`); }
    async press(css) { return this.leaveBy(await this.element(css)); }
    async follow(words) {
        const link = await this.call('POST', '/element', { using: 'link text', value: words });
        return this.leaveBy(link[elementKey]);
    }
    /// A click returns before the next page is there: waits until this one is gone and that one
    /// is whole. Between two pages there is nothing to ask.
    async leaveBy(element) {
        await this.run('window.isOld = true');
        await this.call('POST', `/element/${element}/click`);
        for (let tries = 0; tries !== 400; ++tries, await sleep(25)) {
            const isNew = 'return !window.isOld && document.readyState === "complete"';
            if (await this.run(isNew).catch(() => false)) return;
        }
        throw new Error('no other page came after a click');
    }
    async type(css, text) {
        return this.call('POST', `/element/${await this.element(css)}/value`, { text });
    }
    async style(css, property) {
        return this.call('GET', `/element/${await this.element(css)}/css/${property}`);
    }
    run(script) { return this.call('POST', '/execute/sync', { script, args: [] }); }

    window() { return this.call('GET', '/window'); }
    async newTab() {
        const { handle } = await this.call('POST', '/window/new', { type: 'tab' });
        await this.switchTo(handle);
        return handle;
    }
    switchTo(handle) { return this.call('POST', '/window', { handle }); }

    /// What the browser wrote to its console since the last look: a blocked style, a failed load.
    console() { return this.call('POST', '/se/log', { type: 'browser' }); }
    async shoot(file) {
        writeFileSync(file, Buffer.from(await this.call('GET', '/screenshot'), 'base64'));
    }
    /// A command of the browser's own protocol.
    cdp(cmd, params) { return this.call('POST', '/goog/cdp/execute', { cmd, params }); }
    /// The page from its begin to its end, however long it is.
    async shootWhole(file) {
        const { data } = await this.cdp('Page.captureScreenshot', { captureBeyondViewport: true });
        writeFileSync(file, Buffer.from(data, 'base64'));
    }
    close() { return this.call('DELETE', ''); }
}
