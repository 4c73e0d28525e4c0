"""The book's pages, made by pandoc: `python -m web`. Quarto can show the same notebooks: `python -m web quarto`."""
