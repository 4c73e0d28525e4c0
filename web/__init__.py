"""The book's pages, made by Quarto where it is installed and otherwise by pandoc: `python -m web`."""
