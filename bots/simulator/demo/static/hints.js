// What a visitor may try, in the language of who they are.

const QUESTIONS = [
  ["Show me a table", "Reserve two tins of jasmine tea", "用中文写一段代码", "A long answer about the moon"],
  ["给我看一个表格", "帮我预订两罐茉莉花茶", "Write some code", "详细讲讲月亮,长一点"],
];
const LATER = [["What did I say first?"], ["我第一句说了什么?"]];
const SHOP = [["How do I reset my password?", "I want to talk to a person"], ["怎么样才能打九折?", "转人工"]];
const COMMANDS = ["/stop", "/retry", "/new"];

const DIGEST = [["/digest today", "/digest 5"], ["/digest 今天", "/digest 5"]];

/** Return the chips of the channel where people have talked without the bot. */
export function talkHints(visitor) {
  return DIGEST[visitor % DIGEST.length];
}

/** Tell whether a chip asks about what was said before. */
export function asksBack(text) {
  return LATER.flat().includes(text);
}

/** Return the chips for an empty chat, or for one that has begun. */
export function hints(visitor, begun) {
  const language = visitor % QUESTIONS.length;
  return begun ? [...LATER[language], ...COMMANDS, ...QUESTIONS[language]] : QUESTIONS[language];
}

/** Return the chips of the shop's group: what a customer would say there. */
export function shopHints(visitor, begun) {
  const language = visitor % SHOP.length;
  return begun ? [...SHOP[language], ...LATER[language % LATER.length], ...COMMANDS] : SHOP[language];
}
