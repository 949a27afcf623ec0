// SPDX-License-Identifier: BSL-1.0
// A person with a browser uses coze_web_oauth while the workspaces move to the enterprise.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { Browser, freePort, start, startDriver } from './browser.mjs';

const { PROGRAMS, WORK, REKEY_SHOTS } = process.env;
const question = 'input[name=q]';
const ask = 'form[action="/chat"] button';
let coze, site, driver, browser, base, home;

before(async () => {
    const port = await freePort();
    home = `http://127.0.0.1:${port}/`;
    writeFileSync(`${WORK}/config.json`, JSON.stringify({ web_redirect_uri: `${home}callback` }));
    coze = await start(`${PROGRAMS}/fake_coze`, ['--config', `${WORK}/config.json`], {},
        /export COZE_DEVICE_OAUTH_CLIENT_ID=/);
    const exports = [...coze.said.matchAll(/^export (\w+)='(.*)'$/gm)];
    const variables = Object.fromEntries(exports.map(([, name, value]) => [name, value]));
    base = variables.COZE_API_BASE;
    site = await start(`${PROGRAMS}/coze_web_oauth`, [], variables, /^LISTENING .*\n/);
    let at;
    ({ driver, port: at } = await startDriver());
    browser = await Browser.open(at, `${WORK}/profile`);
});

after(async () => {
    await browser?.close().catch(() => {});
    driver?.kill();
    site?.kill();
    coze?.kill();
    await Promise.all([driver?.ended, site?.ended, coze?.ended]);
});

const admin = (path) => fetch(`${base}/_fake/${path}`, { method: 'POST' });
async function ledger() {
    return (await (await fetch(`${base}/_fake/ledger?records=0`)).json()).totals;
}
async function askFor(text) {
    await browser.type(question, text);
    await browser.press(ask);
}
let shots = 0;
async function shoot(name) {
    if (REKEY_SHOTS) await browser.shoot(`${REKEY_SHOTS}/${++shots}_${name}.png`);
}
/// Where the browser is, without the query.
const place = async () => (await browser.url()).replace(/\?.*/, '');
const isConsentPage = async () =>
    assert.equal(await place(), `${base}/api/permission/oauth2/authorize`);
/// Nothing of ours was blocked or failed to load; a page with an error status is no surprise, and
/// the consent page has no icon.
async function nothingWasBlocked() {
    const lines = (await browser.console()).map((entry) => entry.message);
    const ours = lines.filter((line) => !line.startsWith(base));
    const surprises = ours.filter((line) => !/status of 403/.test(line));
    assert.deepEqual(surprises, []);
}

test('a person asks, consents, and sees the answer', async () => {
    await browser.go(home);
    assert.equal(await browser.title(), 'Ask the agent');
    await shoot('start');
    await askFor('What can you do before the move?');
    await isConsentPage();
    await browser.follow('allow');
    assert.equal(await place(), `${home}callback`);
    assert.equal(await browser.text('blockquote'), 'You said: What can you do before the move?');
    assert.equal((await ledger()).chats_executed, 1);
    assert.match(await browser.text('form[action="/logout"]'), /Signed in as/);
    await shoot('answer');
    await nothingWasBlocked();
});

test('the next question is answered at once', async () => {
    await askFor('And now?');
    assert.equal(await place(), `${home}chat`);
    assert.equal(await browser.text('blockquote'), 'You said: And now?');
});

test('after the move the refused question is answered without being typed again', async () => {
    await admin('move');
    await browser.go(home);
    await askFor('Who pays for <b>this</b> & "that" after the move? 你好');
    await isConsentPage();
    await browser.follow('allow');
    assert.equal(await browser.text('blockquote'),
        'You said: Who pays for <b>this</b> & "that" after the move? 你好');
    await shoot('answer_after_the_move');
    await askFor('And later?');
    assert.equal(await browser.text('blockquote'), 'You said: And later?');
    const totals = await ledger();
    assert.equal(totals.chats_executed, 4);
    assert.equal(totals.doubled, 0);
    await nothingWasBlocked();
});

test('a callback that belongs to nobody is a page that leads on', async () => {
    await browser.go(home);
    await askFor('Once');
    await browser.go(`${home}callback?code=x&state=y`);
    assert.equal(await browser.title(), 'Not authorized');
    await shoot('not_authorized');
    await browser.follow('Try again');
    assert.equal(await browser.url(), home);
});

test('who signs out is asked again, and a denial is a page, not a crash', async () => {
    await browser.press('form[action="/logout"] button');
    assert.match(await browser.text('main'), /Nobody is signed in/);
    assert.equal(await browser.url(), home);
    await askFor('May I?');
    await isConsentPage();
    await browser.follow('deny');
    assert.equal(await browser.title(), 'Not authorized');
    assert.match(await browser.text('main'), /the person refused the authorization/);
    await shoot('denial');
    await browser.reload();
    assert.equal(await browser.title(), 'Not authorized');
    await browser.follow('Try again');
    await askFor('May I now?');
    await browser.follow('allow');
    assert.equal(await browser.text('blockquote'), 'You said: May I now?');
    await nothingWasBlocked();
});

test('who signs in is named', async () => {
    await browser.press('form[action="/logout"] button');
    await browser.follow('Sign in');
    await isConsentPage();
    await browser.follow('allow');
    assert.equal(await browser.url(), home);
    assert.match(await browser.text('main'), /Signed in as alice/);
    await shoot('signed_in');
});

test('two tabs end in reverse order, each with its own question', async () => {
    await browser.press('form[action="/logout"] button');
    const first = await browser.window();
    await askFor('The first tab');
    await isConsentPage();
    const second = await browser.newTab();
    await browser.go(home);
    await askFor('The second tab');
    await isConsentPage();
    await browser.follow('allow');
    assert.equal(await browser.text('blockquote'), 'You said: The second tab');
    await browser.switchTo(first);
    await browser.follow('allow');
    assert.equal(await browser.text('blockquote'), 'You said: The first tab');
    assert.notEqual(first, second);
});

test('a question is never run as a part of the page', async () => {
    await browser.go(home);
    const evil = '"><img src=x onerror="document.title=1"><script>document.title=2</script>';
    await askFor(evil);
    assert.equal(await browser.text('blockquote'), `You said: ${evil}`);
    assert.equal(await browser.title(), 'The answer');
    await nothingWasBlocked();
    await browser.run('document.body.append(Object.assign(document.createElement("script"),'
        + '{textContent: "document.title = 3"}))');
    assert.equal(await browser.title(), 'The answer');
    const lines = (await browser.console()).map((entry) => entry.message);
    assert.ok(lines.some((line) => /Content Security Policy/.test(line)), lines.join());
});

test('a link of another site shows the question and does not ask it', async () => {
    const { requests } = await ledger();
    await browser.go(`data:text/html,<a href="${home}chat?q=Spend+my+quota">go</a>`);
    await browser.follow('go');
    assert.equal(await browser.title(), 'Ask this?');
    assert.equal(await browser.run(`return document.querySelector('${question}').value`),
        'Spend my quota');
    assert.equal((await ledger()).requests, requests);
});

test('the session is out of reach for scripts, and the page has its style', async () => {
    await browser.go(home);
    const [session, ...others] = await browser.cookies();
    assert.deepEqual(others, []);
    assert.equal(session.name, 'session');
    assert.equal(session.httpOnly, true);
    assert.equal(session.sameSite, 'Lax');
    assert.equal(await browser.run('return document.cookie'), '');
    assert.equal(await browser.style('main', 'max-width'), '640px');
});

test('the site ends with 0 on SIGTERM, and logged no secret', async () => {
    site.kill('SIGTERM');
    assert.equal(await site.ended, 0);
    assert.match(site.complained, /authorization_needed: HTTP 200, code 4101/);
    assert.match(site.complained, /authorization_denied: /);
    assert.doesNotMatch(site.complained, /czu_|state=|code_[0-9a-f]{8}|secret/);
});
