/* Rows of one event as columns, in buffers that become Arrow's. */
#include "scan.h"

size_t width(Kind kind) { return kind == INT64 || kind == DOUBLE ? 8 : kind == BOOL ? 1 : 4; }

/* 1, or 0 where memory ran out; then *memory is as it was. */
int grow(void **memory, size_t bytes) {
  void *grown = realloc(*memory, bytes);
  if (!grown) return 0;
  *memory = grown;
  return 1;
}

static int is_column(const Column *column) { return column->kind != OBJECT && column->kind != ALL_TRUE; }

/* Room for the current line's values; what it returns but for ADDED leaves the rows as they were. */
static Added make_room(Event *event, size_t text_cap) {
  if (event->rows + 2 > event->room) {
    ptrdiff_t room = event->room ? event->room * 2 : 1024;
    for (int i = 0; i < event->line.count; i++) {
      Column *column = &event->columns[i];
      if (!is_column(column)) continue;
      if (!grow((void **)&column->values, (size_t)room * width(column->kind))) return NO_MEMORY;
      if (!grow((void **)&column->valid, (size_t)room)) return NO_MEMORY;
    }
    if (!grow((void **)&event->offsets, (size_t)room * sizeof(int64_t))) return NO_MEMORY;
    if (!grow((void **)&event->pair_ends, (size_t)room * sizeof(int32_t))) return NO_MEMORY;
    event->room = room;
  }
  size_t pairs = event->pair_count + event->line.pair_count;
  if (pairs > INT32_MAX) return TEXT_FULL;
  if (pairs > event->pair_room) {
    size_t room = pairs * 2;
    if (!grow((void **)&event->pairs, room * sizeof(Pair))) return NO_MEMORY;
    event->pair_room = room;
  }
  for (int i = 0; i < event->line.count; i++) {
    Column *column = &event->columns[i];
    size_t length = (size_t)event->line.values[i].length;
    if (column->kind != STRING || !event->line.values[i].valid) continue;
    if (length > text_cap || column->text_size > text_cap - length) return TEXT_FULL;
    if (column->text_size + length > column->text_room) {
      size_t room = (column->text_size + length) * 2;
      if (!grow((void **)&column->text, room)) return NO_MEMORY;
      column->text_room = room;
    }
  }
  return ADDED;
}

/* Appends the current line's values and pairs. TEXT_FULL: a text column would get more than `text_cap` bytes, or there
 * would be more pairs than 32 bits count. */
Added add_row(Event *event, int64_t offset, size_t text_cap) {
  Added room = make_room(event, text_cap);
  if (room != ADDED) return room;
  ptrdiff_t row = event->rows;
  for (int i = 0; i < event->line.count; i++) {
    Column *column = &event->columns[i];
    const Value *value = &event->line.values[i];
    if (!is_column(column)) continue;
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
  if (event->line.pair_count)
    memcpy(event->pairs + event->pair_count, event->line.pairs, event->line.pair_count * sizeof(Pair));
  event->pair_count += event->line.pair_count;
  event->pair_ends[row] = (int32_t)event->pair_count;
  event->rows = row + 1;
  return ADDED;
}
