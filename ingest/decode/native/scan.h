/* The scanner's types, and what its parts offer each other. README.md draws how they work together. */
#ifndef AFTERGLOW_SCAN_H
#define AFTERGLOW_SCAN_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { PAIR_PARTS = 4, MAX_DIGITS = 18, MAX_SHAPES = 64, MAX_PIECES = 80, MAX_SHAPE_BYTES = 4096, MAX_MISSES = 1000, MAX_NAMES = 24 };

/* How a declared field is read. ALL_TRUE: an array of objects each of which must hold the first child's key as `true`.
 * Its other children are texts: objects that begin with the second, end with the fourth and hold the third are pairs of
 * the integers behind the second and the third. */
typedef enum { OBJECT, INT64, INT32, DOUBLE, BOOL, STRING, ALL_TRUE } Kind;

typedef struct Node Node;
typedef struct Shapes Shapes;
typedef struct { /* a declared field: one edge of an event's tree */
  char *key;
  ptrdiff_t length;
  Kind kind;
  int slot; /* the field's index in Line.values and, but for objects, in Event.columns */
  Node *child;
  Shapes *shapes; /* of an object, and of the objects in an ALL_TRUE array; else NULL */
} Field;
struct Node { /* the declared fields of an object */
  int count;
  Field *fields;
  Shapes *skipped; /* shapes of the objects in fields that are not declared */
};

typedef struct { /* a declared field of the current line */
  int seen, valid;
  int64_t number;
  const char *begin; /* of its value */
  const Field *field;
  const char *text;
  ptrdiff_t length;
} Value;
typedef struct {
  int64_t first, second;
} Pair;
typedef struct {
  Value *values;
  int count;
  Pair *pairs; /* of the current line's ALL_TRUE array */
  size_t pair_count, pair_room;
} Line;

typedef struct {
  Kind kind;
  char *values;   /* 8, 4 or 1 bytes a row; for text int32 offsets, one more than rows */
  uint8_t *valid; /* 1 byte a row */
  char *text;
  size_t text_size, text_room;
} Column;
typedef struct {
  char *prefix; /* {"Event":"...", */
  ptrdiff_t prefix_length;
  Node *root;
  Line line;
  Column *columns; /* one per slot; those of objects stay empty */
  int64_t *offsets;
  int32_t *pair_ends; /* per row, the number of pairs up to it */
  Pair *pairs;
  size_t pair_count, pair_room;
  ptrdiff_t rows, room;
} Event;
typedef struct {
  int count, busy;
  size_t text_cap; /* bytes of text a column may hold: int32 offsets, in Arrow too */
  Event *events;
} State;

typedef struct { /* lines for Python: begin, end, number of each */
  int64_t *items;
  size_t count, room;
} Returned;

typedef struct {
  const char *text;
  ptrdiff_t length;
} Name;
typedef struct { /* which part of an event with a tree of nodes is kept; see scanner.py */
  Name tree, children, test, filled;
  Name top[MAX_NAMES], node[MAX_NAMES], prefixes[MAX_NAMES], signs[MAX_NAMES];
  int top_count, node_count, prefix_count, sign_count;
} PlanRules;

/* values.c: a declared value at p */
const char *read_integer(const char *p, const char *end, Kind kind, Value *value);
const char *read_text(const char *p, const char *end, Value *value);

/* events.c: the declared fields of an event */
const char *read_object(const char *p, const char *end, const Node *node, Line *line, int depth);
const char *read_field(const char *p, const char *end, const Field *field, Line *line, int depth);
const char *skip_known(const char *p, const char *end, Shapes *shapes, Line *line, int depth);

/* shapes.c: objects that look like one seen before */
Shapes *new_shapes(void);
void free_shapes(Shapes *shapes);
const char *read_shape(const char *p, const char *end, Shapes *shapes, Line *line, int depth);
void learn_shape(const char *begin, const char *end, Shapes *shapes, const Line *line);

/* columns.c: rows */
typedef enum { ADDED, TEXT_FULL, NO_MEMORY } Added;
size_t width(Kind kind);
int grow(void **memory, size_t bytes);
Added add_row(Event *event, int64_t offset, size_t text_cap);

/* lines.c: a block of lines */
int64_t scan_block(State *state, const char *data, ptrdiff_t from, ptrdiff_t to, int64_t offset, Returned *returned);

/* plans.c: the start of an SQL execution */
int holds(const char *text, const char *end, const Name *sign);
char *thin_plan(const PlanRules *rules, const char *p, const char *end, size_t *size, const char **tree);

#endif
