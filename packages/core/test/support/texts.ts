/** Texts of every kind that a tokenizer meets, a few of each by hand and some hundreds mixed from them. */
import { SplitMix } from "../../src/sampling/split-mix.ts";

const BY_KIND: Record<string, string[]> = {
  empty: [""],
  spaces: [
    " ",
    "  ",
    "   ",
    " a",
    "  a",
    "a ",
    "a  ",
    "a  b",
    "a   b    c     d",
    " ".repeat(17),
    "\u00a0 \u2003\u3000a",
  ],
  newlines: [
    "\n",
    "\n\n",
    "a\nb",
    "a\r\nb\r\n",
    "\n \n ",
    " \n",
    "\r",
    "a\u2028b\u2029c",
    "a\n\n\n\nb",
  ],
  tabs: ["\t", "\t\t", "a\tb", "\t a", " \ta\t \t", "if x:\n\treturn 1\n"],
  emoji: ["🙂", "😀😃😄", "a🙂b", " 🙂 ", "🇩🇪🇫🇷", "👍🏽", "☺️", "🦙🦙"],
  "zero-width joiners": ["👨‍👩‍👧‍👦", "🏳️‍🌈", "a\u200bb\u200cc\u200dd", "👩🏿‍🚀 flies", "क्‍ष"],
  "combining marks": ["e\u0301", "é", "a\u0308\u0323", "Z̸̡͉a̵l̴g̶o̷", "ñ vs n\u0303", "\u0301"],
  CJK: [
    "日本語",
    "中文字符",
    "한국어",
    "你好，世界！",
    "カタカナ ひらがな",
    "㍿",
    "𠮷野家",
    "한글",
  ],
  "right to left": [
    "שלום",
    "مرحبا بالعالم",
    "\u202eabc\u202c",
    "עברית mixed with English",
    "۱۲۳",
    "لا",
  ],
  "other scripts": ["Привет, мир!", "Ελληνικά", "हिन्दी", "ไทย", "ქართული", "𝕬𝖇𝖈", "አማርኛ", "𓀀𓁐"],
  "control characters": [
    "\0",
    "a\0b",
    "\u0001\u0002\u0003",
    "\u001b[31mred\u001b[0m",
    "\u007f",
    "\u0080\u009f",
    "\b\f\v",
  ],
  "no characters": ["\ufffd", "\ufeff", "\ufeffa\ufeff", "\uffff", "\u{10ffff}", "\u{e000}"],
  "control tokens": [
    "<s>",
    "</s>",
    "<unk>",
    "<s>a</s>",
    " <s> ",
    "a<s>b",
    "[INST] <<SYS>>\nYou\n<</SYS>> [/INST]</s><s>",
  ],
  "byte pieces": ["<0x0A>", "<0x00><0xFF>", " <0x41> ", "<0x0a>", "<0xGG>"],
  "space marks": ["▁", "▁▁", "a▁b", " ▁ ", "▁a", "a▁"],
  words: [
    "Hello",
    "hello world",
    "Once upon a time",
    "antidisestablishmentarianism",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "x".repeat(500),
    "ab".repeat(300),
    "pneumonoultramicroscopicsilicovolcanoconiosis ".repeat(5),
    "The quick brown fox jumps over the lazy dog.",
    "I'm you're he'll she'd we've DON'T",
    "camelCaseWord snake_case_word SCREAMING-KEBAB",
  ],
  code: [
    "for (let i = 0; i < n; i++) {\n    sum += a[i] * b[i];\n}\n",
    "def f(x):\n\treturn {k: v for k, v in x.items() if v is not None}",
    "#include <stdio.h>\nint main(void) { return 0; }",
    '{"a": [1, 2.5e-3, null], "b": "\\u00e9"}',
    "SELECT * FROM t WHERE a='b'; -- comment",
    "https://example.org/a/b?c=d&e=%20#f",
    "\\frac{1}{2} \\sum_{i=0}^{n}",
  ],
  numbers: [
    "0",
    "1234567890",
    "3.14159",
    "-1e-9",
    "1,000,000.00",
    "0x1F",
    "½ ² ①",
    "12:34:56",
    "１２３",
  ],
  punctuation: [
    "!",
    "...",
    "?!?!",
    "“quoted”",
    "—–-",
    "()[]{}<>",
    "a,b;c:d",
    "$€£¥",
    "====",
    "/* */",
    "~`@#%^&*",
  ],
};

/** Texts with a surrogate that has no partner. */
export const LONE_SURROGATES = [
  "\ud800",
  "\udc00",
  "a\ud83d",
  "\ude42b",
  "\ud83d\ud83d\ude42",
  "\ude42\ud83d",
  "a\ud800 b\udfff",
];

/** Every text but those of `LONE_SURROGATES`. */
export const TEXTS: string[] = [...Object.values(BY_KIND).flat(), ...mixed(300)];

/** Texts that join characters and words of all kinds, the same ones every time. */
function mixed(count: number): string[] {
  const random = new SplitMix(1);
  const draw = <T>(from: T[]): T => {
    const drawn = from[Math.floor(random.nextFloat() * from.length)];
    if (drawn === undefined) throw new Error("nothing to draw from");
    return drawn;
  };
  const kinds = Object.values(BY_KIND).filter((texts) => texts.every((text) => text !== ""));
  return Array.from({ length: count }, () => {
    const length = 1 + Math.floor(random.nextFloat() * 12);
    return Array.from({ length }, () => {
      const text = draw(draw(kinds));
      return random.nextFloat() < 0.5 ? text : draw(Array.from(text));
    }).join("");
  });
}
