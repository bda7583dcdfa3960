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

enum { MAX_DEPTH = 32, MAX_DIGITS = 18, MAX_EXACT_DOUBLE_DIGITS = 15 };

/* What a field is taken as. ALL_TRUE: an array of objects each of which must hold the child's one key as `true`. */
typedef enum { OBJECT, INT64, INT32, DOUBLE, BOOL, STRING, ALL_TRUE } Kind;

typedef struct Node Node;
typedef struct {
  char *key;
  Py_ssize_t length;
  Kind kind;
  int slot; /* which of the event's fields this is, for columns and for seeing it twice */
  Node *child;
} Field;
struct Node {
  int count;
  Field *fields;
};

typedef struct { /* a wanted field of the line under way */
  int seen, valid;
  int64_t number;
  const char *text;
  Py_ssize_t length;
} Value;

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
  int slots;
  Value *line;
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

/* Past a string's closing quote; NULL where it is not ordinary. `plain` refuses escapes too. */
static inline const char *skip_string(const char *p, const char *end, int plain) {
  for (;;) {
    while (end - p >= 8) {
      uint64_t bytes;
      memcpy(&bytes, p, 8);
      uint64_t found = not_plain(bytes);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      if (found) {
        p += __builtin_ctzll(found) >> 3;
        break;
      }
      p += 8;
#else
      if (found) break;
      p += 8;
#endif
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80) p++;
    if (p >= end) return NULL;
    if (*p == '"') return p + 1;
    if (*p != '\\' || plain || p + 1 >= end || !p[1] || !strchr("\"\\/bfnrt", p[1])) return NULL;
    p += 2;
  }
}

static const char *skip_digits(const char *p, const char *end) {
  const char *begin = p;
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

static const char *read_object(const char *p, const char *end, const Node *node, Value *line, int depth);

/* Past an array of objects each of which holds `key` as true. */
static const char *skip_all_true(const char *p, const char *end, const Field *key, int depth) {
  if (p >= end || *p != '[') return NULL;
  if (p + 1 < end && p[1] == ']') return p + 2;
  for (p++;; p++) {
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
        p = skip_value(p + 1, end, depth + 2);
      }
      if (!p || p >= end) return NULL;
      if (*p == '}') break;
      if (*p != ',') return NULL;
    }
    if (!found || ++p >= end) return NULL;
    if (*p == ']') return p + 1;
    if (*p != ',') return NULL;
  }
}

static const char *read_field(const char *p, const char *end, const Field *field, Value *line, int depth) {
  Value *value = &line[field->slot];
  if (p >= end || value->seen) return NULL;
  value->seen = 1;
  if (field->kind == OBJECT) return read_object(p, end, field->child, line, depth + 1);
  if (field->kind == ALL_TRUE) return skip_all_true(p, end, &field->child->fields[0], depth);
  if (*p == 'n') return skip_literal(p, end, "null", 4);
  if (field->kind == STRING) {
    if (*p != '"') return NULL;
    value->text = p + 1;
    if (!(p = skip_string(p + 1, end, 1))) return NULL;
    value->length = p - 1 - value->text;
    value->valid = 1;
    return p;
  }
  if (field->kind == BOOL) {
    value->number = *p == 't';
    value->valid = 1;
    return *p == 't' ? skip_literal(p, end, "true", 4) : skip_literal(p, end, "false", 5);
  }
  return read_integer(p, end, field->kind, value);
}

static const char *read_object(const char *p, const char *end, const Node *node, Value *line, int depth) {
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
    p = found ? read_field(p + 1, end, found, line, depth) : skip_value(p + 1, end, depth + 1);
    if (!p || p >= end) return NULL;
    if (*p == '}') return p + 1;
    if (*p != ',') return NULL;
  }
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
    for (int i = 0; i < event->slots; i++) {
      Column *column = &event->columns[i];
      if (column->kind == OBJECT || column->kind == ALL_TRUE) continue;
      if (!grow((void **)&column->values, (size_t)room * width(column->kind))) return 0;
      if (!grow((void **)&column->valid, (size_t)room)) return 0;
    }
    if (!grow((void **)&event->offsets, (size_t)room * sizeof(int64_t))) return 0;
    event->room = room;
  }
  Py_ssize_t row = event->rows;
  for (int i = 0; i < event->slots; i++) { /* nothing of the row is kept before there is room for all of it */
    Column *column = &event->columns[i];
    size_t length = (size_t)event->line[i].length;
    if (column->kind != STRING || !event->line[i].valid) continue;
    if (column->text_size + length > INT32_MAX) return 0;
    if (column->text_size + length > column->text_room) {
      size_t room = (column->text_size + length) * 2;
      if (!grow((void **)&column->text, room)) return 0;
      column->text_room = room;
    }
  }
  for (int i = 0; i < event->slots; i++) {
    Column *column = &event->columns[i];
    const Value *value = &event->line[i];
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
      memset(event->line, 0, (size_t)event->slots * sizeof(Value));
      const char *p = read_object(line, end, event->root, event->line, 0);
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
      if (!(p = skip_value(value, end, 1))) return NULL;
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
  Walk walk = {thin, NULL, 0, 0, NULL, 0, 0, 0};
  Name tops[MAX_NAMES];
  int top_count = 0, trees = 0;
  char *out = NULL, *to;
  size_t room = 64;
  while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t')) end--;
  if (p >= end || *p != '{' || (p + 1 < end && p[1] == '}')) return NULL;
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
  free(walk.spans);
  free(walk.kept);
  return out;
}

static int holds(const char *text, const char *end, const Name *sign) {
  const char first = sign->text[0];
  while (end - text >= sign->length && (text = memchr(text, first, (size_t)(end - text - sign->length + 1)))) {
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
    free_node(node->fields[i].child);
  }
  free(node->fields);
  free(node);
}

static void free_state(State *state) {
  if (!state) return;
  for (int i = 0; i < state->count; i++) {
    Event *event = &state->events[i];
    for (int j = 0; event->columns && j < event->slots; j++) {
      free(event->columns[j].values);
      free(event->columns[j].valid);
      free(event->columns[j].text);
    }
    free(event->columns);
    free(event->line);
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
  if (!array) {
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
    if (!PyArg_ParseTuple(PyList_GetItem(events, i), "SiO", &prefix, &event->slots, &fields)) goto failed;
    if (event->slots < 1 || !(event->prefix = copy_of(prefix, &event->prefix_length))) goto failed;
    event->line = calloc((size_t)event->slots, sizeof(Value));
    event->columns = calloc((size_t)event->slots, sizeof(Column));
    if (!event->line || !event->columns) {
      PyErr_NoMemory();
      goto failed;
    }
    if (!(event->root = build_node(fields, event->slots, event->columns, 0))) goto failed;
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
    for (int j = 0; columns && event->rows && j < event->slots; j++) {
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
    for (int j = 0; j < event->slots; j++) event->columns[j].text_size = 0;
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
  PyObject *top, *node, *prefixes, *signs, *found = NULL;
  Thin thin;
  memset(&thin, 0, sizeof thin);
  if (!PyArg_ParseTuple(arguments, "y*Oy#y#Oy#Oy#O", &line, &top, &thin.tree.text, &thin.tree.length,
                        &thin.children.text, &thin.children.length, &node, &thin.test.text, &thin.test.length,
                        &prefixes, &thin.filled.text, &thin.filled.length, &signs))
    return NULL;
  if (names_of(top, thin.top, &thin.tops) && names_of(node, thin.node, &thin.nodes) &&
      names_of(prefixes, thin.prefixes, &thin.prefix_count) && names_of(signs, thin.signs, &thin.sign_count)) {
    const char *begin = line.buf, *end = begin + line.len;
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
     "(line, top, tree, children, node, test, prefixes, filled, signs) -> the event with only these top fields, and of "
     "its tree the nodes whose field test begins so or whose object filled is not empty; None where the line is not "
     "ordinary or holds a sign."},
    {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scan", "See scan.c.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scan(void) { return PyModule_Create(&module); }
