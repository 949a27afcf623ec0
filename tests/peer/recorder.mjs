// SPDX-License-Identifier: BSL-1.0
// Recorder: stands between a client and the server and notes what the client sends, secrets aside.
import http from 'node:http';

// No two of them are equal; that there is one can be compared.
const secrets = new Set(
  'code code_challenge code_verifier device_code refresh_token state'.split(' '),
);
function shown(key, value) {
  if (!secrets.has(key)) return value;
  return value ? '[secret]' : '[empty]';
}
const shownAll = (entries) =>
  Object.fromEntries(Array.from(entries, ([key, value]) => [key, shown(key, value)]));

function authorization(header) {
  if (header === undefined) return 'none';
  const [, scheme, token] = /^(\S*) *(.*)$/.exec(header);
  return `${scheme} ${token ? '[secret]' : '[empty]'}`;
}

export class Recorder {
  requests = [];

  static async start(target) {
    const recorder = new Recorder();
    recorder.target = new URL(target);
    recorder.server = http.createServer((...both) => recorder.#pass(...both));
    await new Promise((resolve) => recorder.server.listen(0, '127.0.0.1', resolve));
    recorder.base = `http://127.0.0.1:${recorder.server.address().port}`;
    return recorder;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  // What was sent since the last call of this. Of equal ones (polls, refreshes) the first counts.
  take() {
    const unequal = new Map(this.requests.map((each) => [JSON.stringify(each), each]));
    this.requests = [];
    return [...unequal.values()];
  }

  #note(request, text) {
    const url = new URL(request.url, this.base);
    if (url.searchParams.has('decision')) return; // the person's own click
    this.requests.push({
      method: request.method,
      path: url.pathname,
      query: shownAll(url.searchParams),
      authorization: authorization(request.headers.authorization),
      contentType: request.headers['content-type'] ?? 'none',
      body: text === '' ? {} : shownAll(Object.entries(JSON.parse(text))),
    });
  }

  async #pass(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    this.#note(request, body.toString());
    const passed = http.request(
      {
        host: this.target.hostname,
        port: this.target.port,
        method: request.method,
        path: request.url,
        headers: { ...request.headers, host: this.target.host, connection: 'close' },
      },
      (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on('error', () => response.destroy());
    passed.end(body);
  }
}
