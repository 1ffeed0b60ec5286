import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A STAND-IN for a discovery service: answers as a test says, and keeps what it was asked for. */
export class StandInService {
  readonly asked: string[] = [];
  readonly #server = createServer((request, response) => {
    this.asked.push(request.url ?? '');
    this.answer(request, response);
  });

  /** By default, a token for whoever asks. */
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.end(`${this.origin}/0123456789abcdef0123456789abcdef`);
  };

  static async start(): Promise<StandInService> {
    const service = new StandInService();
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Answers everything with this status and text. */
  says(text: string, status = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.answer = (_request, response) => {
      response.writeHead(status, headers).end(text);
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
