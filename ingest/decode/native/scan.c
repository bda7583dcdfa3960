/* The events that are nearly all of a log, straight from text to columns.
 *
 * What takes part is declared in Python (scan.py builds the tree from schemas/events.py); nothing here names a field of
 * Spark's. The parser is strict and takes only what is ordinary: whatever is not (an escape or a byte above 127 in a
 * wanted string, a number with a fraction where an integer is due, a field that comes twice, any error) is handed back
 * as a line, and the Python way decides. So both ways give the same rows, and this one may refuse at will.
 *
 * Memory safety: every read is behind a comparison with `end`; nesting is bounded by MAX_DEPTH. The GIL is released
 * while a block is scanned: nothing below `scan_block` touches a Python object.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000 /* one build for Python 3.11 and all later ones */
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__ /* every x86-64 has it; elsewhere eight bytes are looked at together instead of sixteen */
#include <emmintrin.h>
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_WORDS 1
#else
#define LITTLE_ENDIAN_WORDS 0
#endif

enum { MAX_DEPTH = 32, MAX_DIGITS = 18, MAX_EXACT_DOUBLE_DIGITS = 15 };
enum { MAX_SHAPES = 64, MAX_PIECES = 80, MAX_SHAPE_BYTES = 4096, MAX_MISSES = 1000 };

/* What a field is taken as. ALL_TRUE: an array of objects each of which must hold the child's one key as `true`. */
typedef enum { OBJECT, INT64, INT32, DOUBLE, BOOL, STRING, ALL_TRUE } Kind;

typedef enum { NOTHING, NUMBER, TEXT, WANTED } Follows;

/* An object as it was found once: its bytes, cut where a value stands that changes from one to the next. Spark writes the
 * same objects over and over, so most are known by comparing bytes, several times as fast as parsing. One that has the same
 * bytes between values of the same kind is the same JSON: nothing is taken that the parser would not take. */
typedef struct Field Field;
typedef struct {
  int at, length;
  Follows follows; /* after these bytes */
  const Field *field; /* the wanted one */
} Piece;

typedef struct {
  char *text;
  Piece *pieces;
  int count;
  int then; /* which shape came after this one when it was last seen */
} Shape;

typedef struct {
  Shape shapes[MAX_SHAPES];
  int count, last, hits, misses;
} Shapes;

typedef struct Node Node;
struct Field {
  char *key;
  Py_ssize_t length;
  Kind kind;
  int slot; /* which of the event's fields this is, for columns and for seeing it twice */
  Node *child;
  Shapes *shapes; /* of an object, and of the objects in an ALL_TRUE array; else NULL */
};
struct Node {
  int count;
  Field *fields;
  Shapes *others; /* of objects that are not wanted */
};

typedef struct { /* a wanted field of the line under way */
  int seen, valid;
  int64_t number;
  const char *at; /* where its value begins */
  const Field *field;
  const char *text;
  Py_ssize_t length;
} Value;

typedef struct {
  Value *values;
  int count;
} Line;

typedef struct {
  Kind kind;
  char *values;        /* 8, 4 or 1 bytes a row; for text int32 offsets, one more than rows */
  uint8_t *valid;      /* 1 byte a row */
  char *text;
  size_t text_size, text_room;
} Column;

typedef struct {
  char *prefix; /* {"Event":"...", */
  Py_ssize_t prefix_length;
  Node *root;
  Line line;
  Column *columns; /* one per slot; objects have none */
  int64_t *offsets;
  Py_ssize_t rows, room;
} Event;

typedef struct {
  int count, busy;
  Event *events;
} State;

typedef struct { /* the lines that are handed back */
  int64_t *items;
  size_t count, room;
} Others;

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

/* Bytes of a string that are not plain, as 0x80 in their place: quote, backslash, below 0x20, above 127. What stands
 * above the first of them may be wrong (subtraction borrows), the first is right. */
static uint64_t not_plain(uint64_t bytes) {
  const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  uint64_t quote = bytes ^ (ones * '"'), backslash = bytes ^ (ones * '\\');
  return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((bytes - ones * 0x20) & ~bytes) | bytes) & high;
}

static inline int escaped(char c) {
  return c == 'n' || c == '"' || c == '\\' || c == '/' || c == 't' || c == 'r' || c == 'b' || c == 'f';
}

#ifdef __SSE2__
/* Which of sixteen bytes are not plain; signed, what is below 0x20 or above 127 is less than 0x20. */
static inline uint32_t not_plain_16(const char *p) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
  __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return (uint32_t)_mm_movemask_epi8(_mm_or_si128(special, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))));
}
#endif

/* Past a string's closing quote; NULL where it is not ordinary. `plain` refuses escapes too. */
static inline const char *skip_string(const char *p, const char *end, int plain) {
#ifdef __SSE2__
  while (end - p >= 33) { /* the byte after an escape is within reach */
    uint64_t found = not_plain_16(p);
    found |= (uint64_t)not_plain_16(p + 16) << 16;
    const char *next = p + 32;
    while (found) {
      int at = __builtin_ctzll(found);
      if (p[at] == '"') return p + at + 1;
      if (p[at] != '\\' || plain || !escaped(p[at + 1])) return NULL;
      if (at == 31) next = p + 33;
      found &= ~(uint64_t)0 << (at + 2);
    }
    p = next;
  }
#endif
  for (;;) {
    while (end - p >= 8) {
      uint64_t bytes;
      memcpy(&bytes, p, 8);
      uint64_t found = not_plain(bytes);
      if (found && LITTLE_ENDIAN_WORDS) p += __builtin_ctzll(found) >> 3;
      if (found) break;
      p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80) p++;
    if (p >= end) return NULL;
    if (*p == '"') return p + 1;
    if (*p != '\\' || plain || p + 1 >= end || !escaped(p[1])) return NULL;
    p += 2;
  }
}

static inline const char *skip_digits(const char *p, const char *end) {
  const char *begin = p;
  while (LITTLE_ENDIAN_WORDS && end - p >= 8) { /* what is above the first byte that is no digit may be wrong, that one is right */
    uint64_t bytes;
    memcpy(&bytes, p, 8);
    bytes ^= 0x3030303030303030u;
    uint64_t other = (bytes | (bytes + 0x0606060606060606u)) & 0xF0F0F0F0F0F0F0F0u;
    if (other) {
      p += __builtin_ctzll(other) >> 3;
      return p > begin ? p : NULL;
    }
    p += 8;
  }
  while (p < end && *p >= '0' && *p <= '9') p++;
  return p > begin ? p : NULL;
}

static const char *skip_number(const char *p, const char *end) {
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

static const char *skip_literal(const char *p, const char *end, const char *literal, Py_ssize_t length) {
  return end - p >= length && memcmp(p, literal, (size_t)length) == 0 ? p + length : NULL;
}

static const char *skip_value(const char *p, const char *end, int depth) {
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

static const char *read_integer(const char *p, const char *end, Kind kind, Value *value) {
  const char *begin = p;
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
  return p > begin ? p : NULL;
}

static const char *read_text(const char *p, const char *end, Value *value) {
  if (p >= end || *p != '"') return NULL;
  value->text = p + 1;
  if (!(p = skip_string(p + 1, end, 1))) return NULL;
  value->length = p - 1 - value->text;
  value->valid = 1;
  return p;
}

static const char *read_object(const char *p, const char *end, const Node *node, Line *line, int depth);
static const char *read_shape(const char *p, const char *end, Shapes *shapes, Line *line, int depth);
static void learn(const char *p, const char *end, Shapes *shapes, const Line *line);

/* Past an object that holds `key` as true. */
static const char *skip_true(const char *p, const char *end, const Field *key, int depth) {
  int found = 0;
  if (p + 1 >= end || *p != '{' || p[1] == '}') return NULL;
  for (p++;; p++) {
    if (p >= end || *p != '"') return NULL;
    const char *name = p + 1;
    if (!(p = skip_string(name, end, 1)) || p >= end || *p != ':') return NULL;
    int wanted = p - 1 - name == key->length && memcmp(name, key->key, (size_t)key->length) == 0;
    if (wanted) {
      found = 1;
      p = skip_literal(p + 1, end, "true", 4);
    } else {
      p = skip_value(p + 1, end, depth);
    }
    if (!p || p >= end) return NULL;
    if (*p == '}') return found ? p + 1 : NULL;
    if (*p != ',') return NULL;
  }
}

/* Past an array of objects each of which holds the field's one key as true. */
static const char *skip_all_true(const char *p, const char *end, const Field *field, Line *line, int depth) {
  if (p >= end || *p != '[') return NULL;
  if (p + 1 < end && p[1] == ']') return p + 2;
  for (p++;; p++) {
    const char *after = read_shape(p, end, field->shapes, line, depth);
    if (!after) {
      if (!(after = skip_true(p, end, &field->child->fields[0], depth + 2))) return NULL;
      learn(p, after, field->shapes, line);
    }
    p = after;
    if (p >= end) return NULL;
    if (*p == ']') return p + 1;
    if (*p != ',') return NULL;
  }
}

static const char *read_field(const char *p, const char *end, const Field *field, Line *line, int depth) {
  Value *value = &line->values[field->slot];
  if (p >= end || value->seen) return NULL;
  value->seen = 1;
  value->at = p;
  value->field = field;
  if (field->kind == OBJECT) {
    const char *after = field->shapes ? read_shape(p, end, field->shapes, line, depth) : NULL;
    if (after) return after;
    if (!(after = read_object(p, end, field->child, line, depth + 1))) return NULL;
    if (field->shapes) learn(p, after, field->shapes, line);
    return after;
  }
  if (field->kind == ALL_TRUE) return skip_all_true(p, end, field, line, depth);
  if (*p == 'n') return skip_literal(p, end, "null", 4);
  if (field->kind == STRING) return read_text(p, end, value);
  if (field->kind == BOOL) {
    value->number = *p == 't';
    value->valid = 1;
    return *p == 't' ? skip_literal(p, end, "true", 4) : skip_literal(p, end, "false", 5);
  }
  return read_integer(p, end, field->kind, value);
}

static const char *pass_by(const char *p, const char *end, Shapes *shapes, Line *line, int depth) {
  if (p >= end || *p != '{') return skip_value(p, end, depth);
  const char *after = read_shape(p, end, shapes, line, depth);
  if (!after && (after = skip_value(p, end, depth))) learn(p, after, shapes, line);
  return after;
}

static const char *read_object(const char *p, const char *end, const Node *node, Line *line, int depth) {
  int next = 0; /* fields come in the order in which they were declared, so the next one is looked for first */
  if (p >= end || *p != '{' || depth > MAX_DEPTH) return NULL;
  if (p + 1 < end && p[1] == '}') return p + 2;
  for (p++;; p++) {
    if (p >= end || *p != '"') return NULL;
    const char *key = p + 1;
    if (!(p = skip_string(key, end, 1)) || p >= end || *p != ':') return NULL;
    Py_ssize_t length = p - 1 - key;
    const Field *found = NULL;
    for (int i = 0; i < node->count; i++) {
      const Field *field = &node->fields[next + i < node->count ? next + i : next + i - node->count];
      if (field->length == length && memcmp(field->key, key, (size_t)length) == 0) {
        found = field;
        next = (int)(field - node->fields) + 1;
        break;
      }
    }
    p = found ? read_field(p + 1, end, found, line, depth) : pass_by(p + 1, end, node->others, line, depth + 1);
    if (!p || p >= end) return NULL;
    if (*p == '}') return p + 1;
    if (*p != ',') return NULL;
  }
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static const char *match(const char *p, const char *end, const Shape *shape, Line *line, int depth) {
  const Piece *piece = shape->pieces, *last = piece + shape->count;
  for (; piece < last; piece++) {
    if (end - p < piece->length || memcmp(p, shape->text + piece->at, (size_t)piece->length) != 0) break;
    p += piece->length;
    if (piece->follows == NUMBER)
      p = skip_number(p, end);
    else if (piece->follows == TEXT)
      p = p < end && *p == '"' ? skip_string(p + 1, end, 0) : NULL;
    else if (piece->follows == WANTED)
      p = read_field(p, end, piece->field, line, depth + 1);
    if (!p) break;
  }
  if (piece == last) return p;
  for (; piece >= shape->pieces; piece--) /* as if it had not been tried */
    if (piece->field) memset(&line->values[piece->field->slot], 0, sizeof(Value));
  return NULL;
}

/* Past an object that has the shape of one that was learnt, with its values taken; NULL where none fits. */
static const char *read_shape(const char *p, const char *end, Shapes *shapes, Line *line, int depth) {
  if (!shapes->count || shapes->misses > shapes->hits + MAX_MISSES) return NULL;
  int at = shapes->shapes[shapes->last].then;
  for (int i = 0; i < shapes->count; i++, at = at + 1 < shapes->count ? at + 1 : 0) {
    const char *after = match(p, end, &shapes->shapes[at], line, depth);
    if (!after) continue;
    shapes->shapes[shapes->last].then = at;
    shapes->last = at;
    shapes->hits++;
    return after;
  }
  shapes->misses++;
  return NULL;
}

static int holds_digit(const char *p, const char *end) {
  while (p < end && (*p < '0' || *p > '9')) p++;
  return p < end;
}

/* Keeps the shape of an object that the parser has taken. Of unwanted text only what has a digit in it is thought to
 * change. */
static void learn(const char *begin, const char *end, Shapes *shapes, const Line *line) {
  Piece pieces[MAX_PIECES];
  char text[MAX_SHAPE_BYTES];
  int count = 0, size = 0;
  const char *p = begin, *piece = begin;
  if (shapes->count == MAX_SHAPES) return;
  while (p <= end) {
    const char *value = p;
    const Field *field = NULL;
    Follows follows = NOTHING;
    if (p == end) {
      p++;
    } else if (*p == '"') {
      if (!(p = skip_string(p + 1, end, 0)) || p >= end) return;
      if (*p == ':') continue;
      if (holds_digit(value, p)) follows = TEXT;
    } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
      if (!(p = skip_number(p, end))) return;
      follows = NUMBER;
    } else if (*p == 't' || *p == 'f' || *p == 'n') {
      p += *p == 'f' ? 5 : 4;
    } else if (*p != '[') {
      p++;
      continue;
    }
    for (int i = 0; value < end && !field && i < line->count; i++)
      if (line->values[i].at == value) field = line->values[i].field;
    if (value < end && *value == '[') {
      p = field ? skip_value(value, end, 0) : value + 1;
      if (!p) return;
    }
    if (field) follows = WANTED;
    if (follows == NOTHING && value < end) continue;
    if (count == MAX_PIECES || value - piece > MAX_SHAPE_BYTES - size) return;
    memcpy(text + size, piece, (size_t)(value - piece));
    pieces[count].at = size;
    pieces[count].length = (int)(value - piece);
    pieces[count].follows = follows;
    pieces[count++].field = field;
    size += (int)(value - piece);
    piece = p;
  }
  Shape *shape = &shapes->shapes[shapes->count];
  shape->text = malloc((size_t)size);
  shape->pieces = malloc((size_t)count * sizeof(Piece));
  if (!shape->text || !shape->pieces) { /* it is only slower without */
    free(shape->text);
    free(shape->pieces);
    return;
  }
  memcpy(shape->text, text, (size_t)size);
  memcpy(shape->pieces, pieces, (size_t)count * sizeof(Piece));
  shape->count = count;
  shape->then = 0;
  shapes->shapes[shapes->last].then = shapes->count;
  shapes->last = shapes->count++;
}

static void free_shapes(Shapes *shapes) {
  for (int i = 0; shapes && i < shapes->count; i++) {
    free(shapes->shapes[i].text);
    free(shapes->shapes[i].pieces);
  }
  free(shapes);
}

/* ---- columns ---------------------------------------------------------------------------------------------------- */

static size_t width(Kind kind) { return kind == INT64 || kind == DOUBLE ? 8 : kind == BOOL ? 1 : 4; }

static int grow(void **memory, size_t bytes) {
  void *grown = realloc(*memory, bytes);
  if (!grown) return 0;
  *memory = grown;
  return 1;
}

static int add_row(Event *event, int64_t offset) {
  if (event->rows + 2 > event->room) {
    Py_ssize_t room = event->room ? event->room * 2 : 1024;
    for (int i = 0; i < event->line.count; i++) {
      Column *column = &event->columns[i];
      if (column->kind == OBJECT || column->kind == ALL_TRUE) continue;
      if (!grow((void **)&column->values, (size_t)room * width(column->kind))) return 0;
      if (!grow((void **)&column->valid, (size_t)room)) return 0;
    }
    if (!grow((void **)&event->offsets, (size_t)room * sizeof(int64_t))) return 0;
    event->room = room;
  }
  Py_ssize_t row = event->rows;
  for (int i = 0; i < event->line.count; i++) { /* nothing of the row is kept before there is room for all of it */
    Column *column = &event->columns[i];
    size_t length = (size_t)event->line.values[i].length;
    if (column->kind != STRING || !event->line.values[i].valid) continue;
    if (column->text_size + length > INT32_MAX) return 0;
    if (column->text_size + length > column->text_room) {
      size_t room = (column->text_size + length) * 2;
      if (!grow((void **)&column->text, room)) return 0;
      column->text_room = room;
    }
  }
  for (int i = 0; i < event->line.count; i++) {
    Column *column = &event->columns[i];
    const Value *value = &event->line.values[i];
    if (column->kind == OBJECT || column->kind == ALL_TRUE) continue;
    column->valid[row] = (uint8_t)value->valid;
    int64_t number = value->valid ? value->number : 0;
    switch (column->kind) {
      case INT64: ((int64_t *)(void *)column->values)[row] = number; break;
      case INT32: ((int32_t *)(void *)column->values)[row] = (int32_t)number; break;
      case DOUBLE: ((double *)(void *)column->values)[row] = (double)number; break;
      case BOOL: column->values[row] = (char)number; break;
      default:
        if (row == 0) ((int32_t *)(void *)column->values)[0] = 0;
        if (value->valid && value->length) {
          memcpy(column->text + column->text_size, value->text, (size_t)value->length);
          column->text_size += (size_t)value->length;
        }
        ((int32_t *)(void *)column->values)[row + 1] = (int32_t)column->text_size;
    }
  }
  event->offsets[row] = offset;
  event->rows = row + 1;
  return 1;
}

static int hand_back(Others *others, int64_t begin, int64_t end, int64_t number) {
  if (others->count + 3 > others->room) {
    size_t room = others->room ? others->room * 2 : 768;
    if (!grow((void **)&others->items, room * sizeof(int64_t))) return 0;
    others->room = room;
  }
  others->items[others->count++] = begin;
  others->items[others->count++] = end;
  others->items[others->count++] = number;
  return 1;
}

/* The number of lines in data[from:to], of which the last may have no newline; -1 where memory ran out. */
static int64_t scan_block(State *state, const char *data, Py_ssize_t from, Py_ssize_t to, int64_t offset,
                          Others *others) {
  const char *begin = data + from, *end = data + to, *line = begin;
  int64_t lines = 0;
  for (; line < end; lines++) {
    const char *after = NULL;
    for (int i = 0; i < state->count && !after; i++) {
      Event *event = &state->events[i];
      if (end - line < event->prefix_length || memcmp(line, event->prefix, (size_t)event->prefix_length) != 0) continue;
      memset(event->line.values, 0, (size_t)event->line.count * sizeof(Value));
      const char *p = read_object(line, end, event->root, &event->line, 0);
      while (p && p < end && (*p == '\r' || *p == ' ' || *p == '\t')) p++;
      if (!p || p >= end || *p != '\n') break;
      if (!add_row(event, offset + (line - begin))) return -1;
      after = p + 1;
    }
    if (!after) {
      const char *newline = memchr(line, '\n', (size_t)(end - line));
      const char *stop = newline ? newline : end;
      if (stop > line && !hand_back(others, line - data, stop - data, lines)) return -1;
      after = newline ? newline + 1 : end;
    }
    line = after;
  }
  return lines;
}

/* ---- plans ------------------------------------------------------------------------------------------------------ */

enum { MAX_NAMES = 16 };

typedef struct {
  const char *text;
  Py_ssize_t length;
} Name;

typedef struct { /* which part of an event with a tree of nodes in it is kept; see scan.py */
  Name tree, children, test, filled;
  Name top[MAX_NAMES], node[MAX_NAMES], prefixes[MAX_NAMES], signs[MAX_NAMES];
  int tops, nodes, prefix_count, sign_count;
} Thin;

typedef struct { /* a node that is kept: its number from the root down, and where its wanted fields stand in `spans` */
  int number, first, count;
} Kept;

typedef struct {
  const Thin *thin;
  Shapes *shapes; /* of objects in arrays that are not wanted, such as a node's metrics */
  Name *spans;
  size_t span_count, span_room;
  Kept *kept;
  size_t kept_count, kept_room;
  int numbered;
} Walk;

static int is(const Name *name, const char *text, Py_ssize_t length) {
  return name->length == length && memcmp(name->text, text, (size_t)length) == 0;
}

static int among(const Name *names, int count, const char *text, Py_ssize_t length) {
  for (int i = 0; i < count; i++)
    if (is(&names[i], text, length)) return 1;
  return 0;
}

static int add_span(Walk *walk, const char *begin, const char *end) {
  if (walk->span_count == walk->span_room) {
    walk->span_room = walk->span_room ? walk->span_room * 2 : 256;
    if (!grow((void **)&walk->spans, walk->span_room * sizeof(Name))) return 0;
  }
  walk->spans[walk->span_count].text = begin;
  walk->spans[walk->span_count++].length = end - begin;
  return 1;
}

static const char *pass_value(const char *p, const char *end, Shapes *shapes, int depth) {
  Line none = {NULL, 0};
  if (p + 1 >= end || *p != '[' || p[1] != '{') return skip_value(p, end, depth);
  for (p++;; p++) {
    if (!(p = pass_by(p, end, shapes, &none, depth + 1)) || p >= end) return NULL;
    if (*p == ']') return p + 1;
    if (*p != ',') return NULL;
  }
}

/* A node and those below it. Its own wanted fields are noted before its children's, which may come between them. */
static const char *walk_node(const char *p, const char *end, Walk *walk, int depth) {
  const Thin *thin = walk->thin;
  Name fields[MAX_NAMES];
  int count = 0, wanted = 0, branches = 0, number = walk->numbered++;
  if (p >= end || *p != '{' || depth > MAX_DEPTH * 4) return NULL;
  if (p + 1 < end && p[1] == '}') return p + 2;
  for (p++;; p++) {
    if (p >= end || *p != '"') return NULL;
    const char *key = p + 1;
    if (!(p = skip_string(key, end, 1)) || p >= end || *p != ':') return NULL;
    Py_ssize_t length = p - 1 - key;
    const char *value = ++p;
    if (is(&thin->children, key, length)) {
      if (p >= end || *p != '[' || branches++) return NULL;
      if (p + 1 < end && p[1] == ']') {
        p += 2;
      } else {
        for (p++;; p++) {
          if (!(p = walk_node(p, end, walk, depth + 1)) || p >= end) return NULL;
          if (*p == ']') break;
          if (*p != ',') return NULL;
        }
        p++;
      }
    } else {
      if (!(p = pass_value(value, end, walk->shapes, 1))) return NULL;
      if (among(thin->node, thin->nodes, key, length)) {
        if (count == MAX_NAMES || *value != (is(&thin->filled, key, length) ? '{' : '"')) return NULL;
        fields[count].text = key - 1;
        fields[count++].length = p - (key - 1);
        if (is(&thin->filled, key, length) && p - value > 2) wanted = 1;
        for (int i = 0; is(&thin->test, key, length) && i < thin->prefix_count; i++)
          if (p - value > thin->prefixes[i].length &&
              memcmp(value + 1, thin->prefixes[i].text, (size_t)thin->prefixes[i].length) == 0)
            wanted = 1;
      }
    }
    if (p >= end) return NULL;
    if (*p == '}') break;
    if (*p != ',') return NULL;
  }
  if (wanted) {
    if (walk->kept_count == walk->kept_room) {
      walk->kept_room = walk->kept_room ? walk->kept_room * 2 : 64;
      if (!grow((void **)&walk->kept, walk->kept_room * sizeof(Kept))) return NULL;
    }
    Kept *kept = &walk->kept[walk->kept_count++];
    kept->number = number;
    kept->first = (int)walk->span_count;
    kept->count = count;
    for (int i = 0; i < count; i++)
      if (!add_span(walk, fields[i].text, fields[i].text + fields[i].length)) return NULL;
  }
  return p + 1;
}

static int by_number(const void *one, const void *other) {
  return ((const Kept *)one)->number - ((const Kept *)other)->number;
}

static char *put(char *to, const char *text, size_t length) {
  memcpy(to, text, length);
  return to + length;
}

/* The event with only what is wanted of it, in new memory; NULL where it is not ordinary. The tree becomes a root that
 * has the kept nodes as its children, in the order from the root down. */
static char *thin_out(const Thin *thin, const char *p, const char *end, size_t *size) {
  Walk walk = {thin, calloc(1, sizeof(Shapes)), NULL, 0, 0, NULL, 0, 0, 0};
  Name tops[MAX_NAMES];
  int top_count = 0, trees = 0;
  char *out = NULL, *to;
  size_t room = 64;
  if (!walk.shapes) return NULL;
  while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t')) end--;
  if (p >= end || *p != '{' || (p + 1 < end && p[1] == '}')) goto done;
  for (p++;; p++) {
    if (p >= end || *p != '"') goto done;
    const char *key = p + 1;
    if (!(p = skip_string(key, end, 1)) || p >= end || *p != ':') goto done;
    Py_ssize_t length = p - 1 - key;
    p++;
    if (is(&thin->tree, key, length)) {
      if (trees++) goto done;
      p = walk_node(p, end, &walk, 0);
    } else {
      p = skip_value(p, end, 1);
      if (p && among(thin->top, thin->tops, key, length)) {
        if (top_count == MAX_NAMES) goto done;
        tops[top_count].text = key - 1;
        tops[top_count++].length = p - (key - 1);
      }
    }
    if (!p || p >= end) goto done;
    if (*p == '}') break;
    if (*p != ',') goto done;
  }
  if (p + 1 != end) goto done;
  if (walk.kept_count) qsort(walk.kept, walk.kept_count, sizeof(Kept), by_number);
  room += (size_t)(thin->tree.length + thin->children.length) + walk.kept_count * 4;
  for (int i = 0; i < top_count; i++) room += (size_t)tops[i].length + 1;
  for (size_t i = 0; i < walk.span_count; i++) room += (size_t)walk.spans[i].length + 1;
  if (!(out = to = malloc(room))) goto done;
  *to++ = '{';
  for (int i = 0; i < top_count; i++) {
    to = put(to, tops[i].text, (size_t)tops[i].length);
    if (trees || i + 1 < top_count) *to++ = ',';
  }
  if (trees) {
    *to++ = '"';
    to = put(put(to, thin->tree.text, (size_t)thin->tree.length), "\":{\"", 4);
    to = put(put(to, thin->children.text, (size_t)thin->children.length), "\":[", 3);
    for (size_t i = 0; i < walk.kept_count; i++) {
      if (i) *to++ = ',';
      for (int j = 0; j < walk.kept[i].count; j++) {
        const Name *span = &walk.spans[walk.kept[i].first + j];
        *to++ = j ? ',' : '{';
        to = put(to, span->text, (size_t)span->length);
      }
      *to++ = '}';
    }
    to = put(to, "]}", 2);
  }
  *to++ = '}';
  *size = (size_t)(to - out);
done:
  free_shapes(walk.shapes);
  free(walk.spans);
  free(walk.kept);
  return out;
}

/* First and last byte of the sign are looked for together, sixteen places at a time: of either alone a plan has many. */
static int holds(const char *text, const char *end, const Name *sign) {
  const Py_ssize_t last = sign->length - 1;
#ifdef __SSE2__
  const __m128i first_byte = _mm_set1_epi8(sign->text[0]), last_byte = _mm_set1_epi8(sign->text[last]);
  for (; end - text >= last + 16; text += 16) {
    __m128i firsts = _mm_loadu_si128((const __m128i *)(const void *)text);
    __m128i lasts = _mm_loadu_si128((const __m128i *)(const void *)(text + last));
    int mask = _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(firsts, first_byte), _mm_cmpeq_epi8(lasts, last_byte)));
    for (; mask; mask &= mask - 1)
      if (memcmp(text + __builtin_ctz((unsigned)mask), sign->text, (size_t)sign->length) == 0) return 1;
  }
#endif
  while (end - text >= sign->length && (text = memchr(text, sign->text[0], (size_t)(end - text - last)))) {
    if (memcmp(text, sign->text, (size_t)sign->length) == 0) return 1;
    text++;
  }
  return 0;
}

/* ---- Python ----------------------------------------------------------------------------------------------------- */

static void free_node(Node *node) {
  if (!node) return;
  for (int i = 0; i < node->count; i++) {
    free(node->fields[i].key);
    free_shapes(node->fields[i].shapes);
    free_node(node->fields[i].child);
  }
  free_shapes(node->others);
  free(node->fields);
  free(node);
}

static void free_state(State *state) {
  if (!state) return;
  for (int i = 0; i < state->count; i++) {
    Event *event = &state->events[i];
    for (int j = 0; event->columns && j < event->line.count; j++) {
      free(event->columns[j].values);
      free(event->columns[j].valid);
      free(event->columns[j].text);
    }
    free(event->columns);
    free(event->line.values);
    free(event->offsets);
    free(event->prefix);
    free_node(event->root);
  }
  free(state->events);
  free(state);
}

static char *copy_of(PyObject *bytes, Py_ssize_t *length) {
  char *data;
  if (PyBytes_AsStringAndSize(bytes, &data, length) < 0) return NULL;
  char *copy = malloc((size_t)*length + 1);
  if (!copy) {
    PyErr_NoMemory();
    return NULL;
  }
  memcpy(copy, data, (size_t)*length + 1);
  return copy;
}

/* A list of (key, kind, slot, child fields) -> a node; NULL with an exception set. */
static Node *build_node(PyObject *fields, int slots, Column *columns, int depth) {
  Py_ssize_t count = PyList_Size(fields);
  if (count < 0) return NULL;
  Node *node = depth > MAX_DEPTH ? NULL : calloc(1, sizeof(Node));
  Field *array = node ? calloc((size_t)count + 1, sizeof(Field)) : NULL;
  if (array) node->others = calloc(1, sizeof(Shapes));
  if (!array || !node->others) {
    free(array);
    free(node);
    PyErr_NoMemory();
    return NULL;
  }
  node->fields = array;
  node->count = (int)count;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *key, *child;
    int kind, slot;
    Field *field = &array[i];
    if (!PyArg_ParseTuple(PyList_GetItem(fields, i), "SiiO", &key, &kind, &slot, &child) ||
        !(field->key = copy_of(key, &field->length)))
      goto failed;
    if (slot < 0 || slot >= slots || kind < OBJECT || kind > ALL_TRUE) {
      PyErr_SetString(PyExc_ValueError, "no such slot or kind");
      goto failed;
    }
    field->kind = (Kind)kind;
    field->slot = slot;
    if (columns) columns[slot].kind = field->kind; /* what an array is checked for is no column */
    if (kind == OBJECT || kind == ALL_TRUE) {
      if (!(field->child = build_node(child, slots, kind == OBJECT ? columns : NULL, depth + 1))) goto failed;
      if (kind == ALL_TRUE && field->child->count != 1) {
        PyErr_SetString(PyExc_ValueError, "an array is checked for one key");
        goto failed;
      }
      if (!(field->shapes = calloc(1, sizeof(Shapes)))) {
        PyErr_NoMemory();
        goto failed;
      }
    }
  }
  return node;
failed:
  free_node(node);
  return NULL;
}

static State *state_of(PyObject *capsule) { return PyCapsule_GetPointer(capsule, "afterglow.scan"); }

static void forget(PyObject *capsule) { free_state(state_of(capsule)); }

static PyObject *py_prepare(PyObject *self, PyObject *events) {
  (void)self;
  Py_ssize_t count = PyList_Size(events);
  if (count < 0) return NULL;
  State *state = calloc(1, sizeof(State));
  if (state) state->events = calloc((size_t)count + 1, sizeof(Event));
  if (!state || !state->events) {
    free_state(state);
    return PyErr_NoMemory();
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *prefix, *fields;
    Event *event = &state->events[i];
    state->count = (int)i + 1;
    if (!PyArg_ParseTuple(PyList_GetItem(events, i), "SiO", &prefix, &event->line.count, &fields)) goto failed;
    if (event->line.count < 1 || !(event->prefix = copy_of(prefix, &event->prefix_length))) goto failed;
    event->line.values = calloc((size_t)event->line.count, sizeof(Value));
    event->columns = calloc((size_t)event->line.count, sizeof(Column));
    if (!event->line.values || !event->columns) {
      PyErr_NoMemory();
      goto failed;
    }
    if (!(event->root = build_node(fields, event->line.count, event->columns, 0))) goto failed;
  }
  PyObject *capsule = PyCapsule_New(state, "afterglow.scan", forget);
  if (capsule) return capsule;
failed:
  free_state(state);
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "an event has fields");
  return NULL;
}

static PyObject *py_scan(PyObject *self, PyObject *arguments) {
  (void)self;
  PyObject *capsule, *found = NULL;
  Py_buffer data;
  long long offset;
  Py_ssize_t from, to;
  if (!PyArg_ParseTuple(arguments, "Oy*nnL", &capsule, &data, &from, &to, &offset)) return NULL;
  State *state = state_of(capsule);
  Others others = {NULL, 0, 0};
  if (state && state->busy)
    PyErr_SetString(PyExc_RuntimeError, "one thread at a time scans with one state");
  else if (from < 0 || to < from || to > data.len)
    PyErr_SetString(PyExc_ValueError, "no such part of the data");
  else if (state) {
    int64_t lines;
    state->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    lines = scan_block(state, data.buf, from, to, offset, &others);
    Py_END_ALLOW_THREADS
    state->busy = 0;
    if (lines < 0)
      PyErr_NoMemory();
    else
      found = Py_BuildValue("Ly#", (long long)lines, others.items ? (char *)others.items : "",
                            (Py_ssize_t)(others.count * sizeof(int64_t)));
  }
  free(others.items);
  PyBuffer_Release(&data);
  return found;
}

static PyObject *column_out(const Column *column, Py_ssize_t rows) {
  Py_ssize_t size = (rows + (column->kind == STRING)) * (Py_ssize_t)width(column->kind);
  return Py_BuildValue("y#y#y#", column->values, size, (char *)column->valid, rows, column->text ? column->text : "",
                       (Py_ssize_t)column->text_size);
}

static PyObject *py_take(PyObject *self, PyObject *capsule) {
  (void)self;
  State *state = state_of(capsule);
  if (!state) return NULL;
  if (state->busy) {
    PyErr_SetString(PyExc_RuntimeError, "a block is being scanned");
    return NULL;
  }
  PyObject *all = PyList_New(0);
  for (int i = 0; all && i < state->count; i++) {
    Event *event = &state->events[i];
    PyObject *columns = PyList_New(0), *taken = NULL;
    for (int j = 0; columns && event->rows && j < event->line.count; j++) {
      Column *column = &event->columns[j];
      PyObject *out = column->kind == OBJECT || column->kind == ALL_TRUE ? Py_BuildValue("") : column_out(column, event->rows);
      if (!out || PyList_Append(columns, out) < 0) Py_CLEAR(columns);
      Py_XDECREF(out);
    }
    if (columns)
      taken = Py_BuildValue("ny#N", event->rows, event->offsets ? (char *)event->offsets : "",
                            event->rows * (Py_ssize_t)sizeof(int64_t), columns);
    if (!taken || PyList_Append(all, taken) < 0) Py_CLEAR(all);
    Py_XDECREF(taken);
  }
  for (int i = 0; all && i < state->count; i++) {
    Event *event = &state->events[i];
    for (int j = 0; j < event->line.count; j++) event->columns[j].text_size = 0;
    event->rows = 0;
  }
  return all;
}

static int names_of(PyObject *tuple, Name *names, int *count) {
  Py_ssize_t size = PyTuple_Size(tuple);
  if (size < 0) return 0;
  if (size > MAX_NAMES) {
    PyErr_SetString(PyExc_ValueError, "too many names");
    return 0;
  }
  for (Py_ssize_t i = 0; i < size; i++) {
    char *text;
    if (PyBytes_AsStringAndSize(PyTuple_GetItem(tuple, i), &text, &names[i].length) < 0) return 0;
    if (!names[i].length) {
      PyErr_SetString(PyExc_ValueError, "an empty name");
      return 0;
    }
    names[i].text = text;
  }
  *count = (int)size;
  return 1;
}

static PyObject *py_thin(PyObject *self, PyObject *arguments) {
  (void)self;
  Py_buffer line;
  Py_ssize_t from, to;
  PyObject *top, *node, *prefixes, *signs, *found = NULL;
  Thin thin;
  memset(&thin, 0, sizeof thin);
  if (!PyArg_ParseTuple(arguments, "y*nnOy#y#Oy#Oy#O", &line, &from, &to, &top, &thin.tree.text, &thin.tree.length,
                        &thin.children.text, &thin.children.length, &node, &thin.test.text, &thin.test.length,
                        &prefixes, &thin.filled.text, &thin.filled.length, &signs))
    return NULL;
  if (from < 0 || to < from || to > line.len)
    PyErr_SetString(PyExc_ValueError, "no such part of the data");
  else if (names_of(top, thin.top, &thin.tops) && names_of(node, thin.node, &thin.nodes) &&
      names_of(prefixes, thin.prefixes, &thin.prefix_count) && names_of(signs, thin.signs, &thin.sign_count)) {
    const char *begin = (const char *)line.buf + from, *end = (const char *)line.buf + to;
    char *out = NULL;
    size_t size = 0;
    int signed_ = 0;
    Py_BEGIN_ALLOW_THREADS
    for (int i = 0; i < thin.sign_count && !signed_; i++) signed_ = holds(begin, end, &thin.signs[i]);
    if (!signed_) out = thin_out(&thin, begin, end, &size);
    Py_END_ALLOW_THREADS
    found = out ? PyBytes_FromStringAndSize(out, (Py_ssize_t)size) : Py_BuildValue("");
    free(out);
  }
  PyBuffer_Release(&line);
  return found;
}

static PyMethodDef methods[] = {
    {"prepare", py_prepare, METH_O, "Events [(prefix, slots, fields)] -> a state that scan and take work on."},
    {"scan", py_scan, METH_VARARGS, "(state, data, begin, end, offset) -> (lines, int64 triples (begin, end, line) of those not taken)."},
    {"take", py_take, METH_O, "State -> per event (rows, offsets, columns of (values, valid, text) or None); empties it."},
    {"thin", py_thin, METH_VARARGS,
     "(data, begin, end, top, tree, children, node, test, prefixes, filled, signs) -> the event with only these top fields, and of "
     "its tree the nodes whose field test begins so or whose object filled is not empty; None where the line is not "
     "ordinary or holds a sign."},
    {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scan", "See scan.c.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scan(void) { return PyModule_Create(&module); }
