/* Prunes the plan of an SQL execution's start: of its thousands of nodes only those that become rows are kept, and the
 * tree becomes a root that has them as its children, in the order from the root down. */
#include "scan.h"

enum { MAX_PLAN_DEPTH = 128 };

typedef struct { /* a kept node: its number from the root down, and its fields as a range of `spans` */
  int number, first, count;
} Kept;
typedef struct {
  const PlanRules *rules;
  Shapes *shapes; /* of the objects in arrays that are not kept, such as a node's metrics */
  Name *spans;
  size_t span_count, span_room;
  Kept *kept;
  size_t kept_count, kept_room;
  int numbered;
} Walk;

static int equals(const Name *name, const char *text, ptrdiff_t length) {
  return name->length == length && memcmp(name->text, text, (size_t)length) == 0;
}

static int contains(const Name *names, int count, const char *text, ptrdiff_t length) {
  for (int i = 0; i < count; i++)
    if (equals(&names[i], text, length)) return 1;
  return 0;
}

static int add_span(Walk *walk, const Name *span) {
  if (walk->span_count == walk->span_room) {
    size_t room = walk->span_room ? walk->span_room * 2 : 256;
    if (!grow((void **)&walk->spans, room * sizeof(Name))) return 0;
    walk->span_room = room;
  }
  walk->spans[walk->span_count++] = *span;
  return 1;
}

static int keep_node(Walk *walk, int number, const Name *fields, int count) {
  if (walk->kept_count == walk->kept_room) {
    size_t room = walk->kept_room ? walk->kept_room * 2 : 64;
    if (!grow((void **)&walk->kept, room * sizeof(Kept))) return 0;
    walk->kept_room = room;
  }
  Kept *kept = &walk->kept[walk->kept_count++];
  kept->number = number;
  kept->first = (int)walk->span_count;
  kept->count = count;
  for (int i = 0; i < count; i++)
    if (!add_span(walk, &fields[i])) return 0;
  return 1;
}

/* Behind a value that is not kept; arrays of objects have shapes. */
static const char *skip_rest(const char *p, const char *end, Shapes *shapes, int depth) {
  Line none = {NULL, 0};
  if (p + 1 >= end || *p != '[' || p[1] != '{') return skip_value(p, end, depth);
  for (p++;; p++) {
    if (!(p = skip_known(p, end, shapes, &none, depth + 1)) || p >= end) return NULL;
    if (*p == ']') return p + 1;
    if (*p != ',') return NULL;
  }
}

/* Whether a field makes its node one to keep: its test field begins with a prefix, or `filled` is not empty. */
static int is_reason_to_keep(const PlanRules *rules, const char *key, ptrdiff_t length, const char *value, const char *p) {
  if (equals(&rules->filled, key, length) && p - value > 2) return 1;
  for (int i = 0; equals(&rules->test, key, length) && i < rules->prefix_count; i++) {
    const Name *prefix = &rules->prefixes[i];
    if (p - value > prefix->length && memcmp(value + 1, prefix->text, (size_t)prefix->length) == 0) return 1;
  }
  return 0;
}

static const char *walk_node(const char *p, const char *end, Walk *walk, int depth);

static const char *walk_children(const char *p, const char *end, Walk *walk, int depth) {
  if (p >= end || *p != '[') return NULL;
  if (p + 1 < end && p[1] == ']') return p + 2;
  for (p++;; p++) {
    if (!(p = walk_node(p, end, walk, depth + 1)) || p >= end) return NULL;
    if (*p == ']') return p + 1;
    if (*p != ',') return NULL;
  }
}

/* A node and those below it. It is numbered before its children, which may be written between its fields. */
static const char *walk_node(const char *p, const char *end, Walk *walk, int depth) {
  const PlanRules *rules = walk->rules;
  Name fields[MAX_NAMES];
  int count = 0, wanted = 0, branches = 0, number = walk->numbered++;
  if (p >= end || *p != '{' || depth > MAX_PLAN_DEPTH) return NULL;
  if (p + 1 < end && p[1] == '}') return p + 2;
  for (p++;; p++) {
    if (p >= end || *p != '"') return NULL;
    const char *key = p + 1;
    if (!(p = skip_string(key, end, 1)) || p >= end || *p != ':') return NULL;
    ptrdiff_t length = p - 1 - key;
    const char *value = ++p;
    if (equals(&rules->children, key, length)) {
      if (branches++) return NULL;
      p = walk_children(p, end, walk, depth);
    } else if ((p = skip_rest(value, end, walk->shapes, 1)) && contains(rules->node, rules->node_count, key, length)) {
      if (count == MAX_NAMES || *value != (equals(&rules->filled, key, length) ? '{' : '"')) return NULL;
      fields[count].text = key - 1;
      fields[count++].length = p - (key - 1);
      wanted = wanted || is_reason_to_keep(rules, key, length, value, p);
    }
    if (!p || p >= end) return NULL;
    if (*p == '}') break;
    if (*p != ',') return NULL;
  }
  return wanted && !keep_node(walk, number, fields, count) ? NULL : p + 1;
}

static int by_number(const void *one, const void *other) {
  return ((const Kept *)one)->number - ((const Kept *)other)->number;
}

static char *put(char *to, const char *text, ptrdiff_t length) {
  memcpy(to, text, (size_t)length);
  return to + length;
}

/* The pruned event in new memory; NULL where there is none. */
static char *write_event(const Walk *walk, const Name *tops, int top_count, int has_tree, size_t *size) {
  const Name *tree = &walk->rules->tree, *children = &walk->rules->children;
  size_t room = 64 + (size_t)(tree->length + children->length) + walk->kept_count * 4;
  for (int i = 0; i < top_count; i++) room += (size_t)tops[i].length + 1;
  for (size_t i = 0; i < walk->span_count; i++) room += (size_t)walk->spans[i].length + 1;
  char *out = malloc(room), *to = out;
  if (!out) return NULL;
  *to++ = '{';
  for (int i = 0; i < top_count; i++) {
    to = put(to, tops[i].text, tops[i].length);
    if (has_tree || i + 1 < top_count) *to++ = ',';
  }
  if (has_tree) {
    *to++ = '"';
    to = put(put(to, tree->text, tree->length), "\":{\"", 4);
    to = put(put(to, children->text, children->length), "\":[", 3);
    for (size_t i = 0; i < walk->kept_count; i++) {
      if (i) *to++ = ',';
      for (int j = 0; j < walk->kept[i].count; j++) {
        const Name *span = &walk->spans[walk->kept[i].first + j];
        *to++ = j ? ',' : '{';
        to = put(to, span->text, span->length);
      }
      *to++ = '}';
    }
    to = put(to, "]}", 2);
  }
  *to++ = '}';
  *size = (size_t)(to - out);
  return out;
}

/* The event [p, end) with only what `rules` keep, in new memory that the caller frees; NULL where the line is not
 * ordinary or memory ran out. `tree` is set to the quote of the tree's key if there is one. */
char *thin_plan(const PlanRules *rules, const char *p, const char *end, size_t *size, const char **tree) {
  Walk walk = {rules, new_shapes(), NULL, 0, 0, NULL, 0, 0, 0};
  Name tops[MAX_NAMES];
  int top_count = 0, trees = 0;
  char *out = NULL;
  if (!walk.shapes) return NULL;
  while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t')) end--;
  if (p >= end || *p != '{' || (p + 1 < end && p[1] == '}')) goto done;
  for (p++;; p++) {
    if (p >= end || *p != '"') goto done;
    const char *key = p + 1;
    if (!(p = skip_string(key, end, 1)) || p >= end || *p != ':') goto done;
    ptrdiff_t length = p - 1 - key;
    p++;
    if (equals(&rules->tree, key, length)) {
      if (trees++) goto done;
      *tree = key - 1;
      p = walk_node(p, end, &walk, 0);
    } else {
      p = skip_value(p, end, 1);
      if (p && contains(rules->top, rules->top_count, key, length)) {
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
  out = write_event(&walk, tops, top_count, trees, size);
done:
  free_shapes(walk.shapes);
  free(walk.spans);
  free(walk.kept);
  return out;
}

/* Whether `sign` is in the text. Its first and last byte are searched for together: of either alone a plan has many. */
int holds(const char *text, const char *end, const Name *sign) {
  const ptrdiff_t last = sign->length - 1;
#if HAS_SSE2
  const __m128i first_byte = _mm_set1_epi8(sign->text[0]), last_byte = _mm_set1_epi8(sign->text[last]);
  for (; end - text >= last + 16; text += 16) {
    __m128i firsts = _mm_loadu_si128((const __m128i *)(const void *)text);
    __m128i lasts = _mm_loadu_si128((const __m128i *)(const void *)(text + last));
    int mask = _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(firsts, first_byte), _mm_cmpeq_epi8(lasts, last_byte)));
    for (; mask; mask &= mask - 1)
      if (memcmp(text + trailing_zeros((uint64_t)mask), sign->text, (size_t)sign->length) == 0) return 1;
  }
#endif
  while (end - text >= sign->length && (text = memchr(text, sign->text[0], (size_t)(end - text - last)))) {
    if (memcmp(text, sign->text, (size_t)sign->length) == 0) return 1;
    text++;
  }
  return 0;
}
