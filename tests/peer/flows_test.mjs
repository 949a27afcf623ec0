// SPDX-License-Identifier: BSL-1.0
// flows_test: the vendor's client and our programs complete the same flows against the same server;
// what each sent is compared field by field.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import {
  CozeAPI,
  RoleType,
  getDeviceCode,
  getDeviceToken,
  getPKCEAuthenticationUrl,
  getPKCEOAuthToken,
  getWebAuthenticationUrl,
  getWebOAuthToken,
  refreshOAuthToken,
} from '@coze/api';

import { FakeCoze, consent } from './fake_coze.mjs';
import { Recorder } from './recorder.mjs';

// Where our requests differ, and why: the rows of the table in docs/coze.md. No other difference
// is accepted, and one that has gone must go from here. `absent`: there is no such field.
const withoutSecret = {
  field: 'authorization',
  theirs: 'Bearer [empty]',
  ours: 'none',
  why: 'no secret, no header: a header without a token is none',
};
const ofOurChat = [
  {
    field: 'body.additional_messages.0.type',
    theirs: 'absent',
    ours: 'question',
    why: "the default, spelled out as in the vendor's migration guide",
  },
  {
    field: 'body.auto_save_history',
    theirs: 'absent',
    ours: 'true',
    why: 'the default, spelled out: without it a chat that is not streamed is refused (4007)',
  },
];
const token = 'POST /api/permission/oauth2/token';
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const accepted = {
  web: [],
  pkce: [
    { request: `${token} authorization_code`, ...withoutSecret },
    { request: `${token} refresh_token`, ...withoutSecret },
  ],
  device: [
    { request: 'POST /api/permission/oauth2/device/code', ...withoutSecret },
    { request: `${token} ${deviceGrant}`, ...withoutSecret },
    { request: `${token} refresh_token`, ...withoutSecret },
  ],
  chat: ofOurChat.map((difference) => ({ request: 'POST /v3/chat', ...difference })),
};

let coze;
let recorder;
let env;

before(async () => {
  coze = await FakeCoze.start();
  recorder = await Recorder.start(coze.env.COZE_API_BASE);
  env = { ...coze.env, COZE_API_BASE: recorder.base, COZE_WWW_BASE: recorder.base };
});
after(async () => {
  await recorder.stop();
  await coze.stop();
});

const accessSeconds = 2;
beforeEach(async () => {
  const port = await freePort();
  env.COZE_WEB_OAUTH_REDIRECT_URI = `http://127.0.0.1:${port}/callback`;
  env.COZE_PKCE_OAUTH_REDIRECT_URI = `http://127.0.0.1:${port}/callback`;
  await coze.admin('reset', {
    access_seconds: accessSeconds,
    device_interval: 1,
    web_redirect_uri: env.COZE_WEB_OAUTH_REDIRECT_URI,
    faults: [{ path: '/v3/chat', times: 0, delay_ms: 1000 }],
  });
  recorder.take();
});

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// --- Our programs ---

class Program {
  static running = new Set();

  constructor(name, ...options) {
    this.printed = '';
    this.child = spawn(`${process.env.PROGRAMS}/${name}`, options, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.on('data', (piece) => (this.printed += piece));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', resolve);
    });
    Program.running.add(this.child);
  }

  // The first group of a pattern, as soon as the program has printed it.
  async says(pattern) {
    for (let tries = 0; tries < 200; ++tries) {
      const found = pattern.exec(this.printed);
      if (found) return found[1];
      await sleep(50);
    }
    return assert.fail(`it never said ${pattern}: ${this.printed}`);
  }

  async succeeds() {
    assert.equal(await this.ended, 0, this.printed);
  }
}

// A test that failed half way leaves its program behind.
afterEach(() => {
  for (const child of Program.running) child.kill('SIGKILL');
  Program.running.clear();
});

// A browser with a session cookie, for one site.
class Browser {
  cookie = '';

  async open(url) {
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie: this.cookie } });
    this.cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    return answer;
  }
}

// --- Comparing ---

// `a.b.0.c` for each text, number and truth value inside.
function flat(value, name) {
  if (value === null || typeof value !== 'object') return [[name, `${value}`]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, `${name}.${key}`));
}
const fields = ({ authorization, contentType, query, body }) =>
  new Map([
    ...Object.entries({ authorization, contentType }),
    ...flat(query, 'query'),
    ...flat(body, 'body'),
  ]);
const nameOf = ({ method, path, body }) =>
  [method, path, ...(body.grant_type ? [body.grant_type] : [])].join(' ');

// The same requests in the same order; gives one entry per field that differs.
function differences(theirs, ours) {
  assert.deepEqual(ours.map(nameOf), theirs.map(nameOf));
  return theirs.flatMap((their, i) => {
    const [left, right] = [fields(their), fields(ours[i])];
    return [...new Set([...left.keys(), ...right.keys()])]
      .map((field) => ({
        request: nameOf(their),
        field,
        theirs: left.get(field) ?? 'absent',
        ours: right.get(field) ?? 'absent',
      }))
      .filter((each) => each.theirs !== each.ours);
  });
}
const withoutReasons = (list) => list.map(({ why, ...difference }) => difference);
const isOAuth = ({ path }) => path.startsWith('/api/permission/');

function compare(flow, theirs, ours, count) {
  assert.equal(theirs.length, count);
  assert.deepEqual(differences(theirs, ours), withoutReasons(accepted[flow]));
}

// --- The flows ---

const api = (accessToken) => new CozeAPI({ baseURL: env.COZE_API_BASE, token: accessToken });
const question = () => ({
  bot_id: env.PUBLISHED_BOT_ID,
  user_id: env.USER_ID,
  additional_messages: [{ role: RoleType.User, content: 'Hi', content_type: 'text' }],
});
const chat = (tokens) => api(tokens.access_token).chat.create(question());

test('the web flow: consent, code, refresh', async () => {
  const app = {
    baseURL: env.COZE_API_BASE,
    clientId: env.COZE_WEB_OAUTH_CLIENT_ID,
    redirectUrl: env.COZE_WEB_OAUTH_REDIRECT_URI,
  };
  const clientSecret = env.COZE_WEB_OAUTH_CLIENT_SECRET;
  const back = new URL(await consent(getWebAuthenticationUrl({ ...app, state: 's' })));
  const code = back.searchParams.get('code');
  const first = await getWebOAuthToken({ ...app, code, clientSecret });
  await chat(first);
  const refreshToken = first.refresh_token;
  await chat(await refreshOAuthToken({ ...app, clientSecret, refreshToken }));
  const theirs = recorder.take().filter(isOAuth);

  const program = new Program('coze_web_oauth');
  const site = await program.says(/LISTENING (\S+)/);
  const browser = new Browser();
  const sentAway = await browser.open(new URL('/chat?q=Hi', site));
  assert.equal(sentAway.status, 302);
  const answered = await browser.open(await consent(sentAway.headers.get('location')));
  assert.equal(answered.status, 200);
  assert.match(await answered.text(), /You said: Hi/);
  await sleep(1000 * accessSeconds);
  assert.equal((await browser.open(new URL('/chat?q=Again', site))).status, 200);
  program.child.kill('SIGTERM');
  await program.ended;
  const ours = recorder.take().filter(isOAuth);

  assert.equal((await coze.totals()).chats_executed, 4);
  compare('web', theirs, ours, 3);
});

test('the PKCE flow: consent, code, refresh', async () => {
  const app = {
    baseURL: env.COZE_API_BASE,
    clientId: env.COZE_PKCE_OAUTH_CLIENT_ID,
    redirectUrl: env.COZE_PKCE_OAUTH_REDIRECT_URI,
  };
  const { url, codeVerifier } = await getPKCEAuthenticationUrl({ ...app, state: 's' });
  const code = new URL(await consent(url)).searchParams.get('code');
  const first = await getPKCEOAuthToken({ ...app, code, codeVerifier });
  await chat(first);
  await chat(await refreshOAuthToken({ ...app, refreshToken: first.refresh_token }));
  const theirs = recorder.take().filter(isOAuth);

  const program = new Program('coze_pkce_oauth', '--repeat', '4');
  const back = await consent(await program.says(/^(http\S+)$/m));
  assert.equal((await fetch(back)).status, 200);
  await program.succeeds();
  const ours = recorder.take().filter(isOAuth);

  assert.equal((await coze.totals()).chats_executed, 6);
  compare('pkce', theirs, ours, 3);
});

test('the device flow: code, polls, refresh', async () => {
  const app = { baseURL: env.COZE_API_BASE, clientId: env.COZE_DEVICE_OAUTH_CLIENT_ID };
  const device = await getDeviceCode(app);
  const page = `${device.verification_uri}?user_code=${device.user_code}`;
  assert.equal((await fetch(`${page}&decision=allow`)).status, 200);
  const first = await getDeviceToken({ ...app, deviceCode: device.device_code, poll: true });
  await chat(first);
  await chat(await refreshOAuthToken({ ...app, refreshToken: first.refresh_token }));
  const theirs = recorder.take().filter(isOAuth);

  const program = new Program('coze_device_oauth', '--repeat', '4');
  const shown = await program.says(/^or open (http\S+)$/m);
  assert.equal((await fetch(`${shown}&decision=allow`)).status, 200);
  await program.succeeds();
  const ours = recorder.take().filter(isOAuth);

  assert.equal((await coze.totals()).chats_executed, 6);
  compare('device', theirs, ours, 3);
});

test('a chat, whole and as a stream', async () => {
  const personal = api(env.COZE_API_TOKEN);
  await personal.chat.create(question());
  const theirs = recorder.take();
  for await (const part of personal.chat.stream(question())) assert.ok(part.event);
  const theirStream = recorder.take();

  const whole = new Program('coze_pat_chat', '--message', 'Hi');
  await whole.succeeds();
  compare('chat', theirs, recorder.take(), 1);
  const stream = new Program('coze_pat_chat', '--message', 'Hi', '--stream');
  await stream.succeeds();
  compare('chat', theirStream, recorder.take(), 1);
});

test('each accepted difference is a row of the table in the documentation, with its reason', () => {
  const rows = readFileSync(process.env.DOCUMENTATION, 'utf8').split('\n');
  const wanted = Object.values(accepted).flat();
  assert.equal(wanted.length, 7);
  for (const { request, field, why } of wanted) {
    const row = rows.find((line) => line.startsWith(`| \`${request}\` | \`${field}\` |`));
    assert.ok(row?.includes(why), `${request}, ${field}`);
  }
});
