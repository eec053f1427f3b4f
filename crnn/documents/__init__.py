"""Files in, pages out; results in, files out: pictures, PDFs and what is written of them."""
