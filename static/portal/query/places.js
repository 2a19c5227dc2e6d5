// Places in an expression that messages name: `(1:8)` is line 1, byte 8.

/** Return the offset of a line and column (in bytes, both from 1) in a text, null when it is not there. */
export function offsetOf(text, line, column) {
  const lines = text.split("\n");
  if (line < 1 || line > lines.length) return null;
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const bytes = new TextEncoder().encode(lines[line - 1]).slice(0, column - 1);
  return Math.min(before + new TextDecoder().decode(bytes).length, text.length);
}

/** Return what a message says about a place in a text: `{from, to}` of the word there, or null. */
export function placeIn(text, message) {
  const found = message.match(/\((\d+):(\d+)\)\s*$/);
  const from = found && offsetOf(text, Number(found[1]), Number(found[2]));
  if (from === null) return null;
  const word = text.slice(from).match(/^[\w:.]+|^\S/);
  return { from, to: from + (word ? word[0].length : 0) };
}

/** Return `{from, to}` of a part of a text that begins and ends at characters, of which some are two units here. */
export function spanOf(text, { start, end }) {
  const characters = [...text];
  const from = characters.slice(0, start).join("").length;
  return { from, to: from + characters.slice(start, end).join("").length };
}
