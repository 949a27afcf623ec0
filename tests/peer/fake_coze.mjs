// SPDX-License-Identifier: BSL-1.0
// FakeCoze: the embedded server as a child process, and the person at its consent page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';

// The first line is `PORT n`, the rest are `export NAME='value'` lines that end with the device id.
function started(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`fake_coze ended with ${code}`)));
    child.stdout.on('data', (piece) => {
      text += piece;
      if (!/^export COZE_DEVICE_OAUTH_CLIENT_ID='[^']*'$/m.test(text)) return;
      assert.match(text, /^PORT \d+\n/);
      const lines = text.matchAll(/^export (\w+)='([^']*)'$/gm);
      resolve(Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value])));
    });
  });
}

export class FakeCoze {
  static async start() {
    const coze = new FakeCoze();
    coze.child = spawn(process.env.FAKE_COZE, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    coze.env = await started(coze.child);
    return coze;
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    assert.equal(await ended, 0);
  }

  async admin(name, body) {
    const answer = await fetch(`${this.env.COZE_API_BASE}/_fake/${name}`, {
      method: 'POST',
      body: body && JSON.stringify(body),
    });
    assert.equal(answer.status, 200);
    return answer.json();
  }

  async totals() {
    const answer = await fetch(`${this.env.COZE_API_BASE}/_fake/ledger?records=0`);
    return (await answer.json()).totals;
  }
}

// Opens the consent page, follows its allow link; gives the address that it sends the browser to.
export async function consent(url) {
  const page = await fetch(url, { redirect: 'manual' });
  assert.equal(page.status, 200);
  const [, link] = /href="([^"]*decision=allow)"/.exec(await page.text());
  const back = await fetch(new URL(link.replaceAll('&amp;', '&'), url), { redirect: 'manual' });
  assert.equal(back.status, 302);
  return back.headers.get('location');
}
