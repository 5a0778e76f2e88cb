import { z } from 'zod';

/** A JSON schema, or any other part of the document. */
export type JsonObject = { readonly [key: string]: unknown };

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** One method of one path. */
export type Operation = {
  readonly operationId: string;
  readonly tag: 'streams' | 'pictures' | 'session' | 'service' | 'changes';
  readonly summary: string;
  /** Who may: all that reach the server, who has a token, or who has one of an operator. */
  readonly access: 'open' | 'token' | 'operator';
  /** What the query may hold. */
  readonly query?: z.ZodObject;
  /** Component that the body is. */
  readonly body?: string;
  /** By status; errors as their codes. */
  readonly answers: Readonly<Record<number, Answer | readonly string[]>>;
};

export type Answer = {
  readonly description: string;
  /** Component that the answer is; left out: no body, or one that is no JSON. */
  readonly schema?: string;
  /** Of a body that is no JSON. */
  readonly mediaType?: string;
};

/** Paths with `{name}` for what varies, each with its methods. */
export type PathTable = Readonly<Record<string, Partial<Readonly<Record<Method, Operation>>>>>;

/** Refers to a component. */
export function refTo(component: string): JsonObject {
  return { $ref: `#/components/schemas/${component}` };
}

/** An operation as OpenAPI writes it. @param path that it belongs to */
export function describeOperation(path: string, operation: Operation): JsonObject {
  const { operationId, tag, summary, access, query, body, answers } = operation;
  const parameters = [...pathParameters(path), ...(query === undefined ? [] : queryParameters(query))];
  const responses = Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)]));
  return {
    operationId,
    tags: [tag],
    summary,
    ...(access === 'operator' && { description: 'For operators.' }),
    ...(access === 'open' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: { 'application/json': { schema: refTo(body) } } } }),
    responses: { ...responses, default: { $ref: '#/components/responses/Refusal' } },
  };
}

function describeAnswer(answer: Answer | readonly string[]): JsonObject {
  if (!('description' in answer)) return { description: answer.map((code) => `\`${code}\``).join(', '), content: { 'application/json': { schema: refTo('Error') } } };
  const { description, schema, mediaType } = answer;
  if (schema !== undefined) return { description, content: { 'application/json': { schema: refTo(schema) } } };
  return mediaType === undefined ? { description } : { description, content: { [mediaType]: {} } };
}

function pathParameters(path: string): readonly JsonObject[] {
  return [...path.matchAll(/\{(\w+)\}/gu)].map(([, name]) => ({ name, in: 'path', required: true, schema: refTo('StreamId') }));
}

function queryParameters(query: z.ZodObject): readonly JsonObject[] {
  const { properties = {} } = z.toJSONSchema(query);
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}
