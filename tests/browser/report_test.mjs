// SPDX-License-Identifier: BSL-1.0
// The pages of migration_demo, while it runs and when it is over, as a person sees them: on a wide
// window and on a phone, in light and in dark.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Browser, start, startDriver } from './browser.mjs';

const { PROGRAMS, WORK, REKEY_SHOTS } = process.env;
const report = `${WORK}/report.html`;
let demo, driver, browser, live;

before(async () => {
    demo = await start(`${PROGRAMS}/migration_demo`,
        ['--seconds', '12', '--rate', '30', '--page', '--report', report], {}, /the page: .*\n/);
    [, live] = demo.said.match(/the page: (\S+)/);
    let at;
    ({ driver, port: at } = await startDriver());
    browser = await Browser.open(at, `${WORK}/report_profile`);
});

after(async () => {
    await browser?.close().catch(() => {});
    driver?.kill();
    demo?.kill();
    await Promise.all([driver?.ended, demo?.ended]);
});

/// What a reader would complain about. Runs in the page.
const complaints = `
const found = [];
const wide = document.documentElement.clientWidth; // a phone zooms out from what is wider
const say = (what, node) => found.push(what + ': ' + node.textContent.trim().slice(0, 60));
const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
// WCAG 2.1, relative luminance and contrast ratio
const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
};
const isClear = (colour) => colour === 'transparent' || channels(colour)[3] === 0;
const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
        if (at.matches('svg.rekey-lanes')) return getComputedStyle(at.querySelector('.paper')).fill;
        const colour = getComputedStyle(at).backgroundColor;
        if (!isClear(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
};
if (document.documentElement.scrollWidth > wide)
    found.push('wider than the window: ' + document.documentElement.scrollWidth);
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (text.data.trim() === '' || node.closest('style,title,desc')) continue;
    ++texts;
    const style = getComputedStyle(node);
    const isDrawn = node instanceof SVGElement;
    const size = parseFloat(style.fontSize) * (isDrawn ? node.getScreenCTM().a : 1);
    if (size < 12) say(size + ' px', node);
    const ratio = contrast(isDrawn ? style.fill : style.color, behind(node));
    if (!(ratio >= 4.5)) say('contrast ' + ratio, node);
    const scroller = node.closest('.wide');
    const box = node.getBoundingClientRect();
    if (!scroller && (box.left < 0 || box.right > wide + 0.5)) say('cut off', node);
}
for (const drawing of document.querySelectorAll('svg.rekey-lanes')) {
    const [, , width, height] = drawing.getAttribute('viewBox').split(' ').map(Number);
    const boxes = [...drawing.querySelectorAll('rect.box')].map((box) => box.getBBox());
    for (const text of drawing.querySelectorAll('text')) {
        const at = text.getBBox();
        if (at.x < 0 || at.x + at.width > width || at.y + at.height > height) say('cut off', text);
        const box = boxes.find((box) => at.x >= box.x && at.x < box.x + box.width &&
            at.y >= box.y && at.y < box.y + box.height);
        if (box && at.x + at.width > box.x + box.width) say('out of its box', text);
    }
}
for (const scroller of document.querySelectorAll('.wide'))
    if (scroller.scrollWidth > scroller.clientWidth && scroller.tabIndex !== 0)
        say('scrolls for mice only', scroller);
const headings = [...document.querySelectorAll('h2')].map((heading) => heading.getBoundingClientRect());
for (const heading of headings)
    if (heading.width === 0 || heading.height === 0) found.push('a heading is not shown');
return { found, texts, paper: luminance(getComputedStyle(document.body).backgroundColor) };
`;

async function look(width, scheme) {
    await browser.cdp('Emulation.setDeviceMetricsOverride',
        { width, height: 800, deviceScaleFactor: 1, mobile: width < 500 });
    await browser.cdp('Emulation.setEmulatedMedia',
        { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    return browser.run(complaints);
}
async function shoot(name) {
    if (REKEY_SHOTS) await browser.shootWhole(`${REKEY_SHOTS}/${name}.png`);
}
/// Nothing is run, nothing is loaded.
async function standsAlone() {
    const [scripts, loaded] = await browser.run('return [document.scripts.length,'
        + 'performance.getEntriesByType("resource").map((entry) => entry.name)'
        + '.filter((name) => !name.endsWith("/favicon.ico"))]');
    assert.equal(scripts, 0);
    assert.deepEqual(loaded, []);
}
const lengthOf = (selector) =>
    browser.run(`return document.querySelectorAll('${selector}').length`);

test('the live page comes anew by itself, without a script', async () => {
    await browser.go(live);
    assert.match(await browser.text('.verdict'), /^Running\./);
    await standsAlone();
    const first = await browser.text('.ledger');
    await browser.run('window.isOld = true');
    let isNew = false;
    for (let tries = 0; tries !== 100 && !isNew; ++tries, await sleep(50))
        isNew = await browser.run('return !window.isOld').catch(() => false);
    assert.ok(isNew, 'the page did not come anew');
    assert.notEqual(await browser.text('.ledger'), first);
    const { found } = await look(390, 'dark');
    assert.deepEqual(found, []);
    await shoot('live_390_dark');
    await browser.cdp('Emulation.clearDeviceMetricsOverride', {});
});

test('the live page is for this machine and for reading only', async () => {
    const answer = await fetch(live);
    assert.match(answer.headers.get('content-security-policy'), /^default-src 'none'; /);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal((await fetch(live, { method: 'POST', body: 'x' })).status, 405);
    assert.equal((await fetch(`${live}report`)).status, 404);
});

test('the demo ends with its verdict, and the live page with it', async () => {
    assert.equal(await demo.ended, 0, demo.said + demo.complained);
    await assert.rejects(fetch(live));
});

test('the report shows the migration bar, the lanes, four calls, the advice and the ledger', async () => {
    await browser.go(`file://${report}`);
    assert.match(await browser.text('.verdict'), /^Passed\./);
    assert.equal(await lengthOf('.plot.owners svg'), 1);
    assert.equal(await lengthOf('.plot.answers svg'), 3);
    assert.equal(await lengthOf('svg.rekey-lanes'), 4);
    const words = await browser.text('body');
    for (const part of ['app_not_installed (R9)', 'PASS: enterprise can do what personal can',
        'personal can go: ', 'personal must stay: ', 'requests executed more than once',
        'accepted as personal; 3 attempts', '3 route changed'])
        assert.ok(words.includes(part), part);
    await standsAlone();
});

test('what an attempt got is said in words and signs, not by colour alone', async () => {
    const verdicts = await browser.run('return [...document.querySelectorAll("rect.box")].map('
        + '(box) => box.nextElementSibling.textContent)');
    assert.equal(verdicts.length, 8);
    for (const verdict of verdicts) assert.match(verdict, /^[✓✗∅] (accepted|refused|not found)$/);
    const patterns = await browser.run('return [...document.querySelectorAll(".plot")].map('
        + '(plot) => getComputedStyle(plot).backgroundImage)');
    for (const pattern of patterns) assert.match(pattern, /^repeating-linear-gradient/);
});

for (const width of [1060, 390])
    for (const scheme of ['light', 'dark'])
        test(`the report is readable at ${width} px in ${scheme}`, async () => {
            const { found, texts, paper } = await look(width, scheme);
            assert.deepEqual(found, []);
            assert.ok(texts > 100, `${texts} texts`);
            assert.equal(paper > 0.5, scheme === 'light', `the paper's luminance is ${paper}`);
            await shoot(`report_${width}_${scheme}`);
        });

test('the complaints of this test are heard', async () => {
    await look(390, 'light');
    const withRule = async (rule) => {
        await browser.run(`const style = document.createElement('style'); style.id = 'spoiled';
            style.textContent = ${JSON.stringify(rule)}; document.head.append(style)`);
        const { found } = await browser.run(complaints);
        await browser.run('document.getElementById("spoiled").remove()');
        return found.join('\n');
    };
    assert.match(await withRule('h1{white-space:nowrap;width:800px}'), /wider than the window/);
    assert.match(await withRule('.said{color:#999!important}'), /contrast 2\./);
    assert.match(await withRule('.marks{font-size:9px!important}'), /9 px: /);
    assert.match(await withRule('svg.rekey-lanes{max-width:100%!important}'), /\d px: /);
    assert.match(await withRule('svg.rekey-lanes text{font-size:30px}'), /out of its box/);
});
