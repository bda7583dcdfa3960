/* Matches one event against its declared fields. Each function returns the position behind what it read, or NULL; then
 * line->values hold nothing that may be used. */
#include "scan.h"

/* Behind an object that holds `key` as true. */
static const char *skip_true(const char *p, const char *end, const Field *key, int depth) {
  int found = 0;
  if (p + 1 >= end || *p != '{' || p[1] == '}') return NULL;
  for (p++;; p++) {
    if (p >= end || *p != '"') return NULL;
    const char *name = p + 1;
    if (!(p = skip_string(name, end, 1)) || p >= end || *p != ':') return NULL;
    if (p - 1 - name == key->length && memcmp(name, key->key, (size_t)key->length) == 0) {
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

/* The integer behind p, which may be in quotes where `quotes` allows it; 0 where there is none that fits. */
static int read_pair_integer(const char *p, const char *end, int quotes, int64_t *number) {
  int quoted = quotes && p < end && *p == '"';
  p += quoted;
  int negative = p < end && *p == '-';
  const char *first = p += negative;
  for (*number = 0; p < end && *p >= '0' && *p <= '9' && p - first < MAX_DIGITS; p++) *number = *number * 10 + (*p - '0');
  if (p == first || p >= end || *p != (quoted ? '"' : ',')) return 0;
  if (negative) *number = -*number;
  return 1;
}

/* Behind the next place in [p, end) where a key stands behind `before`; NULL where there is none. */
static const char *find_key(const char *p, const char *end, char before, const char *key, ptrdiff_t length) {
  for (; (p = memchr(p, before, (size_t)(end - p))) != NULL; p++) {
    if (end - p > length && memcmp(p + 1, key, (size_t)length) == 0) return p + 1 + length;
  }
  return NULL;
}

/* Whether add_pair may take the parts of another field for those of the object [p, end): it has one of the keys twice,
 * an object inside, or something behind the last key. Objects of one shape have the same keys. */
static int is_ambiguous(const char *p, const char *end, const Field *parts, int depth) {
  const Field *head = &parts[1], *middle = &parts[2], *tail = &parts[3];
  const char *last = memchr(tail->key, ':', (size_t)tail->length), *found;
  if (memchr(p + 1, '{', (size_t)(end - p - 1))) return 1;
  if (find_key(p, end, ',', head->key + 1, head->length - 1)) return 1;
  found = find_key(p, end, ',', middle->key + 1, middle->length - 1);
  if (found && find_key(found, end, ',', middle->key + 1, middle->length - 1)) return 1;
  found = find_key(p, end, '"', tail->key + 1, last - tail->key);
  if (!found) return 0;
  found = skip_value(found, end, depth);
  return !found || found + 1 != end;
}

/* Adds the pair of the object [p, end), if it is one; 0 where its integers are not ordinary, or memory ran out. */
static int add_pair(const char *p, const char *end, const Field *parts, Line *line) {
  const Field *head = &parts[1], *middle = &parts[2], *tail = &parts[3];
  Pair pair;
  if (end - p < head->length + tail->length) return 1;
  if (memcmp(end - tail->length, tail->key, (size_t)tail->length) != 0) return 1;
  if (memcmp(p, head->key, (size_t)head->length) != 0) return 0;
  if (!read_pair_integer(p + head->length, end, 0, &pair.first)) return 0;
  for (p += head->length; end - p > middle->length; p++) { /* a quote in a text is escaped: it is the key */
    if (*p != ',' || memcmp(p, middle->key, (size_t)middle->length) != 0) continue;
    if (!read_pair_integer(p + middle->length, end, 1, &pair.second)) return 0;
    if (line->pair_count == line->pair_room) {
      size_t room = line->pair_room ? line->pair_room * 2 : 64;
      if (!grow((void **)&line->pairs, room * sizeof(Pair))) return 0;
      line->pair_room = room;
    }
    line->pairs[line->pair_count++] = pair;
    return 1;
  }
  return 1;
}

/* Behind an array of objects each of which holds the field's first key as true. */
static const char *skip_all_true(const char *p, const char *end, const Field *field, Line *line, int depth) {
  line->pair_count = 0; /* an object is read twice where its shape did not fit */
  if (p >= end || *p != '[') return NULL;
  if (p + 1 < end && p[1] == ']') return p + 2;
  for (p++;; p++) {
    const char *after = read_shape(p, end, field->shapes, line, depth);
    if (!after) {
      if (!(after = skip_true(p, end, &field->child->fields[0], depth + 2))) return NULL;
      if (field->child->count == PAIR_PARTS && is_ambiguous(p, after, field->child->fields, depth + 2)) return NULL;
      learn_shape(p, after, field->shapes, line);
    }
    if (field->child->count == PAIR_PARTS && !add_pair(p, after, field->child->fields, line)) return NULL;
    p = after;
    if (p >= end) return NULL;
    if (*p == ']') return p + 1;
    if (*p != ',') return NULL;
  }
}

/* The value of a declared field; NULL too where the line has the field twice. */
const char *read_field(const char *p, const char *end, const Field *field, Line *line, int depth) {
  Value *value = &line->values[field->slot];
  if (p >= end || value->seen) return NULL;
  value->seen = 1;
  value->begin = p;
  value->field = field;
  if (field->kind == OBJECT) {
    const char *after = field->shapes ? read_shape(p, end, field->shapes, line, depth) : NULL;
    if (after) return after;
    if (!(after = read_object(p, end, field->child, line, depth + 1))) return NULL;
    if (field->shapes) learn_shape(p, after, field->shapes, line);
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

/* Behind a value that is not declared; the shapes of objects are learnt. */
const char *skip_known(const char *p, const char *end, Shapes *shapes, Line *line, int depth) {
  if (p >= end || *p != '{') return skip_value(p, end, depth);
  const char *after = read_shape(p, end, shapes, line, depth);
  if (!after && (after = skip_value(p, end, depth))) learn_shape(p, after, shapes, line);
  return after;
}

/* An object with declared fields, which begins at p. */
const char *read_object(const char *p, const char *end, const Node *node, Line *line, int depth) {
  int next = 0; /* fields come in the order in which they were declared, so the next one is tried first */
  if (p >= end || *p != '{' || depth > MAX_DEPTH) return NULL;
  if (p + 1 < end && p[1] == '}') return p + 2;
  for (p++;; p++) {
    if (p >= end || *p != '"') return NULL;
    const char *key = p + 1;
    if (!(p = skip_string(key, end, 1)) || p >= end || *p != ':') return NULL;
    ptrdiff_t length = p - 1 - key;
    const Field *declared = NULL;
    for (int i = 0; i < node->count; i++) {
      const Field *field = &node->fields[next + i < node->count ? next + i : next + i - node->count];
      if (field->length == length && memcmp(field->key, key, (size_t)length) == 0) {
        declared = field;
        next = (int)(field - node->fields) + 1;
        break;
      }
    }
    p = declared ? read_field(p + 1, end, declared, line, depth) : skip_known(p + 1, end, node->skipped, line, depth + 1);
    if (!p || p >= end) return NULL;
    if (*p == '}') return p + 1;
    if (*p != ',') return NULL;
  }
}
