/* What differs between compilers and processors: sixteen bytes at a time (SSE2), trailing zeros, byte order.
 *
 * AFTERGLOW_PORTABLE selects plain C everywhere. The tests compile it so and compare the two builds. */
#ifndef AFTERGLOW_BITS_H
#define AFTERGLOW_BITS_H
#include <stdint.h>

#if !defined(AFTERGLOW_PORTABLE) && (defined(__SSE2__) || defined(_M_X64))
#define HAS_SSE2 1 /* every x86-64 has it; elsewhere eight bytes are compared at a time */
#include <emmintrin.h>
#else
#define HAS_SSE2 0
#endif

#if defined(AFTERGLOW_PORTABLE)
#define HAS_TRAILING_ZEROS 0
#elif defined(__GNUC__) || defined(__clang__)
#define HAS_TRAILING_ZEROS 1
static inline int trailing_zeros(uint64_t bits) { return __builtin_ctzll(bits); }
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_ARM64))
#include <intrin.h>
#define HAS_TRAILING_ZEROS 1
static inline int trailing_zeros(uint64_t bits) {
  unsigned long index;
  _BitScanForward64(&index, bits);
  return (int)index;
}
#else
#define HAS_TRAILING_ZEROS 0
#ifdef _MSC_VER
#pragma message("afterglow: no intrinsic for trailing zeros on this target; the scanner is built in portable C")
#else
#warning "afterglow: no intrinsic for trailing zeros with this compiler; the scanner is built in portable C"
#endif
#endif

#if !HAS_TRAILING_ZEROS
/* Undefined for 0, like the intrinsics. */
static inline int trailing_zeros(uint64_t bits) {
  int count = 0;
  for (; !(bits & 0xFF); bits >>= 8) count += 8;
  for (; !(bits & 1); bits >>= 1) count++;
  return count;
}
#endif

/* Whether the first byte in memory is the lowest of a word; then trailing zeros give the position of a byte. */
#if defined(_WIN32) || defined(_M_X64) || defined(_M_ARM64)
#define LITTLE_ENDIAN_WORDS 1
#elif defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#define LITTLE_ENDIAN_WORDS (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define LITTLE_ENDIAN_WORDS 0
#endif

#endif
