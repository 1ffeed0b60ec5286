/** An error as etcd's v2 API tells it: codes, texts and HTTP statuses are etcd's (etcdserver/api/v2error). */
export class KeysError extends Error {
  constructor(
    readonly errorCode: number,
    readonly status: number,
    text: string,
    override readonly cause: string,
    /** Of the store at that moment. */
    readonly index: number,
  ) {
    super(text);
  }

  get body(): string {
    const { errorCode, message, cause, index } = this;
    return `${JSON.stringify({ errorCode, message, cause, index })}\n`;
  }
}

export const keyNotFound = (key: string, index: number) => new KeysError(100, 404, 'Key not found', key, index);
export const notADirectory = (key: string, index: number) => new KeysError(104, 400, 'Not a directory', key, index);
export const keyExists = (key: string, index: number) => new KeysError(105, 412, 'Key already exists', key, index);
export const unauthorized = (why: string, index: number) =>
  new KeysError(110, 401, 'The request requires user authentication', why, index);
export const indexNotANumber = (field: string, index: number) =>
  new KeysError(203, 400, 'The given index in POST form is not a number', `invalid value for "${field}"`, index);
export const invalidField = (why: string, index: number) => new KeysError(209, 400, 'Invalid field', why, index);
export const invalidForm = (why: string, index: number) => new KeysError(210, 400, 'Invalid POST form', why, index);
export const indexCleared = (oldest: number, asked: number, index: number) =>
  new KeysError(
    401,
    400,
    'The event in requested index is outdated and cleared',
    `the requested history has been cleared [${oldest}/${asked}]`,
    index,
  );
