// Asks the API what it may refuse, and takes a refusal for an answer: see headwater/ui/ask.py.
const LONG = /[[,:]-?\d{16,}[\],}]/;

// Whole numbers that a browser cannot count with stay as the digits that they came in.
const exact = (_, value, context) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "") ? context.source : value;
const parse = (text) => JSON.parse(text, LONG.test(text) ? exact : undefined);

const AWAY = { status: 0, reason: "away", answer: {}, text: "" };

// {status, reason, answer, text}: reason is the last word of a refusal's type, "away" when nobody answers. An aborted
// question throws.
export async function ask(path, { method = "GET", body, signal } = {}) {
  const question = { method, signal };
  if (body !== undefined) Object.assign(question, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  try {
    const response = await fetch(`/ask${path}`, question), text = (await response.text()).trimStart();
    if (!response.ok) return AWAY;
    const said = parse(text);
    return { ...said, text, reason: said.answer?.type?.split(":").at(-1) };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return AWAY;
  }
}
