// Asking the server.

export class ApiError extends Error {
  constructor({ kind, message, context, hint }) {
    super(message ?? "the server does not answer");
    this.kind = kind;
    this.context = context;
    this.hint = hint;
  }
}

/** The address of an answer; parameters that are null are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.append(name, value);
  }
  return `/api/v1/${path}?${query}`;
}

/** An answer, or an ApiError. */
export async function ask(path, parameters, signal) {
  let response;
  try {
    response = await fetch(address(path, parameters), { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ kind: "unavailable", message: "the server does not answer" });
  }
  let answer;
  try {
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ kind: "unexpected", message: `the server answered with status ${response.status}` });
  }
  if (!response.ok) throw new ApiError(answer.error ?? {});
  return answer;
}

/** Whether an error only says that nobody waits any more. */
export const isAborted = (error) => error.name === "AbortError";
