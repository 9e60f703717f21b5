// How the convolution kernels walk over the pixels of a block. Like the kernels' own text, an instruction set's source
// files include it inside an anonymous namespace, so that no other translation unit can receive its code.

/// The inputs and outputs of at most kRows pixels.
template <size_t kRows, typename Element>
struct TilePixels {
    const Element* sources[kRows];
    ptrdiff_t outputs[kRows];
};

/// Calls tile(pixels, count) for the block's pixels in raster order, at most kRows at a time.
template <size_t kRows, typename Element, typename Block, typename Tile>
void for_each_tile(const Block& block, const Tile& tile) {
    const auto& grid = block.grid;
    size_t column = block.pixel_begin % grid.columns;
    ptrdiff_t row = static_cast<ptrdiff_t>(block.pixel_begin / grid.columns);
    for (size_t pixel = block.pixel_begin; pixel < block.pixel_end; pixel += kRows) {
        const size_t left = block.pixel_end - pixel;
        const size_t count = left < kRows ? left : kRows;
        TilePixels<kRows, Element> pixels;
        for (size_t p = 0; p < count; ++p) {
            const ptrdiff_t x = static_cast<ptrdiff_t>(column);
            pixels.sources[p] = grid.source + row * grid.row_stride + x * grid.column_stride;
            pixels.outputs[p] = row * block.output_row_stride + x * block.output_column_stride;
            if (++column == grid.columns) {
                column = 0;
                ++row;
            }
        }
        tile(pixels, count);
    }
}
