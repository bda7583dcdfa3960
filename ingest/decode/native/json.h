/* A strict JSON tokenizer over [p, end). Every function returns the position behind a token, or NULL where the text is
 * not ordinary; then the caller hands the line back to Python. No byte at or behind `end` is read.
 *
 * In a header, so that every part of the scanner can inline it. */
#ifndef AFTERGLOW_JSON_H
#define AFTERGLOW_JSON_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bits.h"

enum { MAX_DEPTH = 32 }; /* nesting of objects and arrays; bounds the C stack */

/* Bytes of a string that are not plain, as 0x80 in their place: quote, backslash, below 0x20, above 127. What is above
 * the first of them may be wrong (subtraction borrows), the first is right. */
static inline uint64_t special_in_8(uint64_t bytes) {
  const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  uint64_t quote = bytes ^ (ones * '"'), backslash = bytes ^ (ones * '\\');
  return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((bytes - ones * 0x20) & ~bytes) | bytes) & high;
}

/* The escapes that are handed on as they are; \u is not ordinary. */
static inline int is_short_escape(char c) {
  return c == 'n' || c == '"' || c == '\\' || c == '/' || c == 't' || c == 'r' || c == 'b' || c == 'f';
}

#if HAS_SSE2
/* Which of sixteen bytes are not plain; signed, what is below 0x20 or above 127 is less than 0x20. */
static inline uint32_t special_in_16(const char *p) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
  __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return (uint32_t)_mm_movemask_epi8(_mm_or_si128(special, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))));
}
#endif

/* From behind a string's opening quote to behind its closing one. `plain` refuses escapes too. */
static inline const char *skip_string(const char *p, const char *end, int plain) {
#if HAS_SSE2
  while (end - p >= 33) { /* the byte after an escape is within reach */
    uint64_t special = special_in_16(p);
    special |= (uint64_t)special_in_16(p + 16) << 16;
    const char *next = p + 32;
    while (special) {
      int index = trailing_zeros(special);
      if (p[index] == '"') return p + index + 1;
      if (p[index] != '\\' || plain || !is_short_escape(p[index + 1])) return NULL;
      if (index == 31) next = p + 33;
      special &= ~(uint64_t)0 << (index + 2);
    }
    p = next;
  }
#endif
  for (;;) {
    while (end - p >= 8) {
      uint64_t bytes;
      memcpy(&bytes, p, 8);
      uint64_t special = special_in_8(bytes);
      if (special && LITTLE_ENDIAN_WORDS) p += trailing_zeros(special) >> 3;
      if (special) break;
      p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80) p++;
    if (p >= end) return NULL;
    if (*p == '"') return p + 1;
    if (*p != '\\' || plain || p + 1 >= end || !is_short_escape(p[1])) return NULL;
    p += 2;
  }
}

/* Behind at least one digit. */
static inline const char *skip_digits(const char *p, const char *end) {
  const char *begin = p;
  while (LITTLE_ENDIAN_WORDS && end - p >= 8) { /* only the first byte that is not a digit is certain */
    uint64_t bytes;
    memcpy(&bytes, p, 8);
    bytes ^= 0x3030303030303030u;
    uint64_t other = (bytes | (bytes + 0x0606060606060606u)) & 0xF0F0F0F0F0F0F0F0u;
    if (other) {
      p += trailing_zeros(other) >> 3;
      return p > begin ? p : NULL;
    }
    p += 8;
  }
  while (p < end && *p >= '0' && *p <= '9') p++;
  return p > begin ? p : NULL;
}

static inline const char *skip_number(const char *p, const char *end) {
  if (p < end && *p == '-') p++;
  if (p + 1 < end && *p == '0' && p[1] >= '0' && p[1] <= '9') return NULL;
  if (!(p = skip_digits(p, end))) return NULL;
  if (p < end && *p == '.' && !(p = skip_digits(p + 1, end))) return NULL;
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    p = skip_digits(p, end);
  }
  return p;
}

static inline const char *skip_literal(const char *p, const char *end, const char *literal, ptrdiff_t length) {
  return end - p >= length && memcmp(p, literal, (size_t)length) == 0 ? p + length : NULL;
}

/* Behind any value. */
static inline const char *skip_value(const char *p, const char *end, int depth) {
  if (p >= end || depth > MAX_DEPTH) return NULL;
  switch (*p) {
    case '"': return skip_string(p + 1, end, 0);
    case 't': return skip_literal(p, end, "true", 4);
    case 'f': return skip_literal(p, end, "false", 5);
    case 'n': return skip_literal(p, end, "null", 4);
    case '[':
      if (p + 1 < end && p[1] == ']') return p + 2;
      for (p++;; p++) {
        if (!(p = skip_value(p, end, depth + 1)) || p >= end) return NULL;
        if (*p == ']') return p + 1;
        if (*p != ',') return NULL;
      }
    case '{':
      if (p + 1 < end && p[1] == '}') return p + 2;
      for (p++;; p++) {
        if (p >= end || *p != '"' || !(p = skip_string(p + 1, end, 0))) return NULL;
        if (p >= end || *p != ':' || !(p = skip_value(p + 1, end, depth + 1)) || p >= end) return NULL;
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
      }
    default: return skip_number(p, end);
  }
}

#endif
