-- A page for machines that read: plain Markdown, titled, without raw HTML, links to the Markdown of other pages.
local meta

local function read_meta(m) meta = m end

local function link(a)
  local notebook, rest = a.target:gsub("^%./", ""):match("^([%w_-]+%.ipynb)(.*)$")
  local page = notebook and meta["page-" .. notebook]
  if page then a.target = pandoc.utils.stringify(page) .. rest end
  a.target = a.target:gsub("^([%w_-]+)%.html", "%1.md")
  return pandoc.Link(a.content, a.target)
end

local function image(img) return pandoc.Image(img.attributes["fig-alt"] or img.caption, img.src) end

local function code(block)
  if block.classes:includes("output") then return pandoc.CodeBlock(block.text, { class = "text" }) end
  return pandoc.CodeBlock(block.text, { class = block.classes[1] })
end

local function box(div)
  local content = div.content
  if div.attributes.title then content:insert(1, pandoc.Para({ pandoc.Strong(div.attributes.title) })) end
  return content
end

-- A table is worth reading; what folds and colours is not.
local function raw(block)
  if block.format == "html" and block.text:match("<table") then return pandoc.read(block.text, "html").blocks end
  return {}
end

local function whole(doc)
  local head = pandoc.Blocks({ pandoc.Header(1, doc.meta.title or "") })
  if doc.meta.description then head:insert(pandoc.BlockQuote({ pandoc.Plain(doc.meta.description) })) end
  doc.blocks = head .. doc.blocks
  return doc
end

return { { Meta = read_meta }, { Link = link, Image = image, CodeBlock = code, Div = box, Figure = function(f) return f.content end,
  RawBlock = raw, Header = function(h) return pandoc.Header(h.level, h.content) end }, { Pandoc = whole } }
