/* Declared values: integers and plain text. Everything else about a value is the tokenizer's (json.h). */
#include "scan.h"

enum { MAX_EXACT_DOUBLE_DIGITS = 15 };

/* An integer that certainly fits its kind; one of more than 18 digits may not fit 64 bits, so Python decides. */
const char *read_integer(const char *p, const char *end, Kind kind, Value *value) {
  int64_t number = 0;
  int negative = p < end && *p == '-';
  p += negative;
  const char *first = p;
  while (p < end && *p >= '0' && *p <= '9' && p - first < MAX_DIGITS) number = number * 10 + (*p++ - '0');
  if (p == first || p >= end || (*first == '0' && (p - first > 1 || negative))) return NULL;
  if (*p != ',' && *p != '}') return NULL; /* a fraction, an exponent, more digits */
  if (kind == DOUBLE && p - first > MAX_EXACT_DOUBLE_DIGITS) return NULL;
  number = negative ? -number : number;
  if (kind == INT32 && (number > INT32_MAX || number < INT32_MIN)) return NULL;
  value->number = number;
  value->valid = 1;
  return p;
}

/* A string without escapes and of ASCII, whose bytes are its text. */
const char *read_text(const char *p, const char *end, Value *value) {
  if (p >= end || *p != '"') return NULL;
  value->text = p + 1;
  if (!(p = skip_string(p + 1, end, 1))) return NULL;
  value->length = p - 1 - value->text;
  value->valid = 1;
  return p;
}
