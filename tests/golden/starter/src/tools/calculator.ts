import { z } from "zod";
import { defineTool, ToolError } from "./tool.ts";

const TOKEN = /\s*(\d+(?:\.\d+)?|[-+*/%()])/y;
const SIGNIFICANT_DIGITS = 15;

const OPERATORS: Readonly<Record<string, { binds: number; apply: (left: number, right: number) => number }>> = {
  "+": { binds: 1, apply: (left, right) => left + right },
  "-": { binds: 1, apply: (left, right) => left - right },
  "*": { binds: 2, apply: (left, right) => left * right },
  "/": { binds: 2, apply: (left, right) => left / right },
  "%": { binds: 2, apply: (left, right) => left % right },
};

/** Evaluates arithmetic without evaluating code. */
export const calculator = defineTool({
  name: "calculator",
  description: "Evaluates arithmetic with + - * / % and parentheses.",
  version: "1",
  risk: "read",
  arguments: z.strictObject({ expression: z.string().min(1).max(200) }),
  run: async ({ expression }) => {
    const tokens = tokenize(expression.trimEnd());
    const result = evaluate(tokens);
    if (tokens.length > 0) {
      throw new ToolError("expected an operator");
    }
    if (!Number.isFinite(result)) {
      throw new ToolError("the result is not a finite number");
    }
    return String(Number(result.toPrecision(SIGNIFICANT_DIGITS)));
  },
});

function tokenize(expression: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.length) {
    const token = TOKEN.exec(expression)?.[1];
    if (token === undefined) {
      throw new ToolError("expected numbers, + - * / % and parentheses only");
    }
    tokens.push(token);
  }
  return tokens.toReversed();
}

/** Evaluates tokens, the last first, up to an operator that binds less than `binds`. */
function evaluate(tokens: string[], binds = 0): number {
  let left = operand(tokens);
  for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) {
    const operator = OPERATORS[token];
    if (operator === undefined || operator.binds < binds) {
      tokens.push(token);
      break;
    }
    left = operator.apply(left, evaluate(tokens, operator.binds + 1));
  }
  return left;
}

function operand(tokens: string[]): number {
  const token = tokens.pop() ?? "";
  if (token === "-") {
    return -operand(tokens);
  }
  if (token === "(") {
    const inner = evaluate(tokens);
    if (tokens.pop() !== ")") {
      throw new ToolError("expected a closing parenthesis");
    }
    return inner;
  }
  if (!/^\d/.test(token)) {
    throw new ToolError("expected a number");
  }
  return Number(token);
}
