/* Objects that look like one seen before are compared, not parsed.
 *
 * Spark writes the same objects over and over. A shape is the bytes of an object that the parser has accepted, cut where
 * a value changes from one object to the next. An object with the same bytes between values of the same kind is the same
 * JSON: nothing is accepted here that the parser would refuse. */
#include "scan.h"

/* What is between two runs of fixed bytes: a number, a text, or the value of a declared field. */
typedef enum { NOTHING, NUMBER, TEXT, DECLARED } Gap;
typedef struct {
  int begin, length; /* fixed bytes in Shape.text */
  Gap gap;           /* behind them */
  const Field *field; /* for DECLARED */
} Piece;
typedef struct {
  char *text;
  Piece *pieces;
  int count;
  int successor; /* the shape that came after this one last time: tried first */
} Shape;
struct Shapes {
  Shape shapes[MAX_SHAPES];
  int count, last, hits, misses;
};

Shapes *new_shapes(void) { return calloc(1, sizeof(Shapes)); }

void free_shapes(Shapes *shapes) {
  for (int i = 0; shapes && i < shapes->count; i++) {
    free(shapes->shapes[i].text);
    free(shapes->shapes[i].pieces);
  }
  free(shapes);
}

static const char *match(const char *p, const char *end, const Shape *shape, Line *line, int depth) {
  const Piece *piece = shape->pieces, *last = piece + shape->count;
  for (; piece < last; piece++) {
    if (end - p < piece->length || memcmp(p, shape->text + piece->begin, (size_t)piece->length) != 0) break;
    p += piece->length;
    if (piece->gap == NUMBER)
      p = skip_number(p, end);
    else if (piece->gap == TEXT)
      p = p < end && *p == '"' ? skip_string(p + 1, end, 0) : NULL;
    else if (piece->gap == DECLARED)
      p = read_field(p, end, piece->field, line, depth + 1);
    if (!p) break;
  }
  if (piece == last) return p;
  for (; piece >= shape->pieces; piece--) /* undo: the next shape, or the parser, reads the fields again */
    if (piece->field) memset(&line->values[piece->field->slot], 0, sizeof(Value));
  return NULL;
}

/* Behind an object of a known shape, with its declared values read; NULL where none fits. */
const char *read_shape(const char *p, const char *end, Shapes *shapes, Line *line, int depth) {
  if (!shapes->count || shapes->misses > shapes->hits + MAX_MISSES) return NULL;
  int index = shapes->shapes[shapes->last].successor;
  for (int i = 0; i < shapes->count; i++, index = index + 1 < shapes->count ? index + 1 : 0) {
    const char *after = match(p, end, &shapes->shapes[index], line, depth);
    if (!after) continue;
    shapes->shapes[shapes->last].successor = index;
    shapes->last = index;
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

/* Keeps the shape of the object [begin, end), which the parser has accepted. A text that is not declared counts as one
 * that changes if it holds a digit. Without memory or room nothing is kept: it is only slower. */
void learn_shape(const char *begin, const char *end, Shapes *shapes, const Line *line) {
  Piece pieces[MAX_PIECES];
  char text[MAX_SHAPE_BYTES];
  int count = 0, size = 0;
  const char *p = begin, *piece = begin;
  if (shapes->count == MAX_SHAPES) return;
  while (p <= end) {
    const char *value = p;
    const Field *field = NULL;
    Gap gap = NOTHING;
    if (p == end) {
      p++;
    } else if (*p == '"') {
      if (!(p = skip_string(p + 1, end, 0)) || p >= end) return;
      if (*p == ':') continue;
      if (holds_digit(value, p)) gap = TEXT;
    } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
      if (!(p = skip_number(p, end))) return;
      gap = NUMBER;
    } else if (*p == 't' || *p == 'f' || *p == 'n') {
      p += *p == 'f' ? 5 : 4;
    } else if (*p != '[') {
      p++;
      continue;
    }
    for (int i = 0; value < end && !field && i < line->count; i++)
      if (line->values[i].begin == value) field = line->values[i].field;
    if (value < end && *value == '[') {
      p = field ? skip_value(value, end, 0) : value + 1;
      if (!p) return;
    }
    if (field) gap = DECLARED;
    if (gap == NOTHING && value < end) continue;
    if (count == MAX_PIECES || value - piece > MAX_SHAPE_BYTES - size) return;
    memcpy(text + size, piece, (size_t)(value - piece));
    pieces[count].begin = size;
    pieces[count].length = (int)(value - piece);
    pieces[count].gap = gap;
    pieces[count++].field = field;
    size += (int)(value - piece);
    piece = p;
  }
  Shape *shape = &shapes->shapes[shapes->count];
  shape->text = malloc((size_t)size);
  shape->pieces = malloc((size_t)count * sizeof(Piece));
  if (!shape->text || !shape->pieces) {
    free(shape->text);
    free(shape->pieces);
    return;
  }
  memcpy(shape->text, text, (size_t)size);
  memcpy(shape->pieces, pieces, (size_t)count * sizeof(Piece));
  shape->count = count;
  shape->successor = 0;
  shapes->shapes[shapes->last].successor = shapes->count;
  shapes->last = shapes->count++;
}
