// SPDX-License-Identifier: BSL-1.0
// peer_test: the vendor's JavaScript client, which we did not write, talks to fake_coze.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';

import {
  APIError,
  ChatEventType,
  ChatStatus,
  CozeAPI,
  RoleType,
  getDeviceCode,
  getDeviceToken,
  getJWTToken,
  getPKCEAuthenticationUrl,
  getPKCEOAuthToken,
  getWebAuthenticationUrl,
  getWebOAuthToken,
  refreshOAuthToken,
} from '@coze/api';

import { FakeCoze, consent as consentAt } from './fake_coze.mjs';

let coze;
let env;

before(async () => {
  coze = await FakeCoze.start();
  env = coze.env;
});
after(() => coze.stop());

const admin = (name, body) => coze.admin(name, body);

beforeEach(() => admin('reset'));

const client = (token) => new CozeAPI({ baseURL: env.COZE_API_BASE, token });
const personal = () => client(env.COZE_API_TOKEN);
const enterprise = () => client(env.COZE_API_TOKEN_ENTERPRISE);
const question = (content = 'What can you do?') => ({
  bot_id: env.PUBLISHED_BOT_ID,
  user_id: env.USER_ID,
  additional_messages: [{ role: RoleType.User, content, content_type: 'text' }],
});

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof APIError, `${error}`);
    return error;
  }
  return assert.fail('nothing was refused');
}

const consent = async (url) => new URL(await consentAt(url));

const soon = () => Math.floor(Date.now() / 1000);

test('a chat is created in progress and can be retrieved and read', async () => {
  const chat = await personal().chat.create(question());
  assert.equal(chat.status, ChatStatus.IN_PROGRESS);
  assert.equal(chat.bot_id, env.PUBLISHED_BOT_ID);
  assert.match(chat.id, /^\d{19}$/);
  const later = await personal().chat.retrieve(chat.conversation_id, chat.id);
  assert.equal(later.status, ChatStatus.COMPLETED);
  assert.equal(later.last_error.code, 0);
  const messages = await personal().chat.messages.list(chat.conversation_id, chat.id);
  assert.equal(messages[0].content, 'You said: What can you do?');
});

test('createAndPoll ends with the answer', async () => {
  const { chat, messages } = await personal().chat.createAndPoll(question('Grüß dich 😀'));
  assert.equal(chat.status, ChatStatus.COMPLETED);
  assert.equal(messages.at(-1).content, 'You said: Grüß dich 😀');
});

test('a running chat is cancelled once', async () => {
  const chat = await personal().chat.create(question());
  const canceled = await personal().chat.cancel(chat.conversation_id, chat.id);
  assert.equal(canceled.status, 'canceled');
  const again = await refusal(personal().chat.cancel(chat.conversation_id, chat.id));
  assert.equal(again.code, 4104);
});

test('a stream brings the answer in pieces and ends with done', async () => {
  const names = [];
  let text = '';
  for await (const part of personal().chat.stream(question('Grüß dich 😀'))) {
    names.push(part.event);
    if (part.event === ChatEventType.CONVERSATION_MESSAGE_DELTA) text += part.data.content;
  }
  assert.equal(text, 'You said: Grüß dich 😀');
  assert.equal(names[0], ChatEventType.CONVERSATION_CHAT_CREATED);
  assert.equal(names.filter((name) => name === ChatEventType.CONVERSATION_MESSAGE_DELTA).length, 3);
  assert.deepEqual(names.slice(-2), [
    ChatEventType.CONVERSATION_CHAT_COMPLETED,
    ChatEventType.DONE,
  ]);
});

test('after the move the personal token is refused and the enterprise token is served', async () => {
  await personal().chat.create(question());
  await refusal(enterprise().chat.create(question()));
  await admin('move');
  const error = await refusal(personal().chat.create(question()));
  assert.equal(error.code, 4101);
  assert.ok(error.logid);
  const chat = await enterprise().chat.create(question());
  assert.equal(chat.bot_id, env.PUBLISHED_BOT_ID);
  await admin('rollback');
  await personal().chat.create(question());
});

test('a refused stream is a JSON envelope, which this client hands out as one error event', async () => {
  await admin('move');
  const parts = [];
  for await (const part of personal().chat.stream(question())) parts.push(part);
  assert.deepEqual(
    parts.map(({ event }) => event),
    [ChatEventType.ERROR],
  );
  assert.equal(parts[0].data.code, 4101);
});

test('each documented refusal reaches the client with its code, whatever the HTTP status', async () => {
  for (const code of [4100, 4101, 700012006, 4200, 4006, 4001, 4002, 4314]) {
    for (const http_status of [200, 401, 403, 404]) {
      await admin('reset', { refusal: { code, http_status }, moved: true });
      const error = await refusal(personal().chat.create(question()));
      assert.equal(error.rawError.code, code);
    }
  }
  await admin('reset', { refusal: { code: 4101, http_status: 200 }, moved: false });
});

test('a dead token is 401 and 700012006 outside of chat', async () => {
  const error = await refusal(client('pat_unknown').users.me());
  assert.equal(error.status, 401);
  assert.equal(error.code, 700012006);
});

test('a chat of an unknown bot is refused with 4200', async () => {
  const error = await refusal(
    personal().chat.create({ ...question(), bot_id: '7000000000000000001' }),
  );
  assert.equal(error.code, 4200);
});

test('conversations belong to the one who created them', async () => {
  const made = await personal().conversations.create({ bot_id: env.PUBLISHED_BOT_ID });
  const seen = await personal().conversations.retrieve(made.id);
  assert.equal(seen.id, made.id);
  const list = await personal().conversations.list({
    bot_id: env.PUBLISHED_BOT_ID,
    page_num: 1,
    page_size: 10,
  });
  assert.deepEqual(
    list.conversations.map(({ id }) => id),
    [made.id],
  );
  const chat = await personal().chat.create({ ...question(), conversation_id: made.id });
  assert.equal(chat.conversation_id, made.id);
  await admin('move');
  const error = await refusal(
    enterprise().chat.create({ ...question(), conversation_id: made.id }),
  );
  assert.equal(error.code, 4002);
});

test('users, workspaces and bots answer as the client expects', async () => {
  assert.equal((await personal().users.me()).user_id, env.COZE_ACCOUNT_ID);
  const mine = await personal().workspaces.list({ page_num: 1, page_size: 10 });
  assert.equal(mine.total_count, 1);
  assert.equal(mine.workspaces[0].workspace_type, 'personal');
  const bot = await personal().bots.retrieve({ bot_id: env.PUBLISHED_BOT_ID });
  assert.equal(bot.bot_id, env.PUBLISHED_BOT_ID);
  await admin('move');
  assert.equal((await personal().workspaces.list()).total_count, 0);
  assert.equal((await enterprise().workspaces.list()).total_count, 2);
});

const jwt = (more = {}) =>
  getJWTToken({
    baseURL: env.COZE_API_BASE,
    appId: env.COZE_JWT_OAUTH_CLIENT_ID,
    aud: new URL(env.COZE_API_BASE).host,
    keyid: env.COZE_JWT_OAUTH_PUBLIC_KEY_ID,
    privateKey: readFileSync(env.COZE_JWT_OAUTH_PRIVATE_KEY_FILE_PATH, 'utf8'),
    ...more,
  });

test('a JWT is exchanged for a token that expires at a moment, not after a while', async () => {
  const token = await jwt({ durationSeconds: 600 });
  assert.ok(Math.abs(token.expires_in - soon() - 600) < 10);
  assert.equal(token.refresh_token, undefined);
  await client(token.access_token).chat.create(question());
  await admin('move');
  const error = await refusal(client(token.access_token).chat.create(question()));
  assert.equal(error.code, 4101);
});

test('a JWT for the enterprise gives a token that is served after the move', async () => {
  await admin('move');
  const own = await jwt({ accountId: env.COZE_ACCOUNT_ID });
  await refusal(client(own.access_token).chat.create(question()));
  const other = await jwt({ accountId: env.COZE_ENTERPRISE_ID });
  await client(other.access_token).chat.create(question());
});

test('a JWT with a wrong audience, key id, app or lifetime gives no token', async () => {
  for (const wrong of [
    { aud: 'api.coze.com' },
    { keyid: 'another' },
    { appId: '1' },
    { durationSeconds: 86400 },
  ]) {
    const error = await refusal(jwt(wrong));
    assert.match(error.rawError.error_code, /^invalid_(client|request)$/);
  }
});

const web = () => ({
  baseURL: env.COZE_API_BASE,
  clientId: env.COZE_WEB_OAUTH_CLIENT_ID,
  redirectUrl: env.COZE_WEB_OAUTH_REDIRECT_URI,
});
const secret = () => env.COZE_WEB_OAUTH_CLIENT_SECRET;

test('the web flow gives tokens for a code, once', async () => {
  const back = await consent(getWebAuthenticationUrl({ ...web(), state: 'a b&c' }));
  assert.equal(back.searchParams.get('state'), 'a b&c');
  const code = back.searchParams.get('code');
  await refusal(getWebOAuthToken({ ...web(), code, clientSecret: 'wrong' }));
  const token = await getWebOAuthToken({ ...web(), code, clientSecret: secret() });
  assert.ok(Math.abs(token.expires_in - soon() - 900) < 10);
  await client(token.access_token).chat.create(question());
  const error = await refusal(getWebOAuthToken({ ...web(), code, clientSecret: secret() }));
  assert.equal(error.status, 400);
  assert.equal(error.rawError.error_code, 'invalid_request');
  await refusal(client(token.access_token).users.me());
});

test('a refresh token rotates, and its second use ends the whole family', async () => {
  const back = await consent(getWebAuthenticationUrl(web()));
  const code = back.searchParams.get('code');
  const first = await getWebOAuthToken({ ...web(), code, clientSecret: secret() });
  const refresh = (refreshToken) =>
    refreshOAuthToken({ ...web(), clientSecret: secret(), refreshToken });
  const second = await refresh(first.refresh_token);
  assert.notEqual(second.refresh_token, first.refresh_token);
  await client(second.access_token).chat.create(question());
  await refusal(refresh(first.refresh_token));
  await refusal(refresh(second.refresh_token));
  const ledger = await (await fetch(`${env.COZE_API_BASE}/_fake/ledger`)).json();
  assert.equal(ledger.totals.refresh_reuse, 1);
  assert.equal(ledger.totals.token_exchanges.refresh_token, 1);
});

test('the PKCE flow checks the verifier that belongs to the challenge', async () => {
  const app = {
    baseURL: env.COZE_API_BASE,
    clientId: env.COZE_PKCE_OAUTH_CLIENT_ID,
    redirectUrl: env.COZE_PKCE_OAUTH_REDIRECT_URI,
  };
  const { url, codeVerifier } = await getPKCEAuthenticationUrl({ ...app, state: 's' });
  assert.equal(
    new URL(url).searchParams.get('code_challenge'),
    createHash('sha256').update(codeVerifier).digest('base64url'),
  );
  const code = (await consent(url)).searchParams.get('code');
  await refusal(getPKCEOAuthToken({ ...app, code, codeVerifier: `${codeVerifier}x` }));
  const token = await getPKCEOAuthToken({ ...app, code, codeVerifier });
  await client(token.access_token).chat.create(question());
  const next = await refreshOAuthToken({ ...app, refreshToken: token.refresh_token });
  await client(next.access_token).chat.create(question());
});

test('the device flow waits, slows down, and ends with a token or a no', async () => {
  const app = { baseURL: env.COZE_API_BASE, clientId: env.COZE_DEVICE_OAUTH_CLIENT_ID };
  const device = await getDeviceCode(app);
  assert.match(device.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
  assert.equal(device.expires_in, 300);
  const poll = () => getDeviceToken({ ...app, deviceCode: device.device_code });
  const word = async () => (await refusal(poll())).rawError.error;
  assert.equal(await word(), 'authorization_pending');
  assert.equal(await word(), 'slow_down');
  const decide = (code, decision) =>
    fetch(`${device.verification_uri}?user_code=${code}&decision=${decision}`);
  const second = await getDeviceCode(app);
  assert.equal((await decide(second.user_code, 'allow')).status, 200);
  const token = await getDeviceToken({ ...app, deviceCode: second.device_code, poll: true });
  await client(token.access_token).chat.create(question());
  const third = await getDeviceCode(app);
  assert.equal((await decide(third.user_code, 'deny')).status, 200);
  const denied = await refusal(getDeviceToken({ ...app, deviceCode: third.device_code }));
  assert.equal(denied.rawError.error_code, 'access_denied');
});

test('a fault of the script reaches the client', async () => {
  await admin('fault', { status: 502, body: '<html>', content_type: 'text/html' });
  const error = await refusal(personal().chat.create(question()));
  assert.equal(error.status, 502);
  await admin('fault', { wire: 'reset_before_answer', path: '/v3/chat' });
  await assert.rejects(personal().chat.create(question()));
  const ledger = await (await fetch(`${env.COZE_API_BASE}/_fake/ledger`)).json();
  assert.equal(ledger.totals.chats_executed, 1);
  assert.equal(ledger.totals.faults, 2);
});
