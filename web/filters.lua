-- What Quarto understands and plain pandoc does not: callouts, numbered figures, links between notebooks and to sources.

local names = { note = "Note", tip = "Tip", important = "Important", warning = "Warning", caution = "Caution" }
local source, pages, docs, figures = "", {}, "", 0

local function text(meta) return meta and pandoc.utils.stringify(meta) or "" end

local function read_meta(meta)
  source, pages, docs = text(meta.source), meta.pages or {}, text(meta.docs)
end

local function callout(div)
  local kind
  for name, _ in pairs(names) do
    if div.classes:includes("callout-" .. name) then kind = name end
  end
  if not kind then return nil end
  local title = pandoc.Plain(names[kind])
  local first = div.content[1]
  if div.attributes.title then
    title = pandoc.Plain(pandoc.read(div.attributes.title, "markdown").blocks[1].content)
  elseif first and first.t == "Header" then
    title = pandoc.Plain(first.content)
    div.content:remove(1)
  end
  local folded = div.attributes.collapse == "true"
  local outer, head = "aside", "p"
  if div.attributes.collapse then outer, head = "details", "summary" end
  local named = outer == "aside" and string.format(' aria-label="%s"', pandoc.utils.stringify(title):gsub('"', "&quot;")) or ""
  local opening = string.format('<%s class="callout callout-%s"%s%s><%s class="callout-title">', outer, kind, named,
    (outer == "details" and not folded) and " open" or "", head)
  local blocks = pandoc.Blocks({ pandoc.RawBlock("html", opening), title, pandoc.RawBlock("html", "</" .. head .. ">") })
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock("html", "</" .. outer .. ">"))
  return blocks
end

-- The width and height that a PNG says it has.
local function size(path)
  local file = io.open(path, "rb")
  local head = file and file:read(24)
  if file then file:close() end
  if head and #head == 24 and head:sub(2, 4) == "PNG" then return string.unpack(">I4I4", head, 17) end
end

local function image(img)
  img.attributes.alt = img.attributes["fig-alt"] or pandoc.utils.stringify(img.caption)
  img.attributes["fig-alt"] = nil
  local width, height = size(docs .. "/" .. img.src)
  if width then
    img.attributes.width, img.attributes.height = tostring(width), tostring(height)
    if width > 700 then img.classes:insert("wide") end
  end
  img.attributes.loading, img.attributes.decoding = "lazy", "async"
  return img
end

-- A figure with a caption has a number.
local function figure(fig)
  local caption = fig.caption.long[1]
  if caption then
    figures = figures + 1
    caption.content:insert(1, pandoc.Strong({ pandoc.Str("Figure " .. figures .. ".") }))
    caption.content:insert(2, pandoc.Space())
  end
  fig.content:insert(1, pandoc.RawBlock("html", '<div class="figure">'))
  fig.content:insert(pandoc.RawBlock("html", "</div>"))
  return fig
end

local function paragraph(para) -- a picture without a caption
  if #para.content == 1 and para.content[1].t == "Image" then
    return { pandoc.RawBlock("html", '<div class="figure">'), para, pandoc.RawBlock("html", "</div>") }
  end
end

local function starts(s, prefix) return prefix ~= "" and s:sub(1, #prefix) == prefix end

local function link(a)
  if starts(a.target, source) then -- stays on this copy of the book
    a.target = a.target:sub(#source + 1):gsub("%.py#L", ".html#L-"):gsub("%.py$", ".html")
    a.target = "source/" .. a.target
    return pandoc.Link(a.content, a.target, "", { class = "source-link" })
  end
  local notebook, rest = a.target:gsub("^%./", ""):match("^([%w_-]+%.ipynb)(.*)$")
  if notebook and pages[notebook] then a.target = text(pages[notebook]) .. rest end
  a.attributes.target = nil
  return a
end

local function short(row)
  for _, cell in ipairs(row.cells) do
    local said = text(cell.contents)
    if #said <= 28 and said:match("%d") then cell.classes:insert("short") end
  end
end

local function tables(t)
  for _, body in ipairs(t.bodies) do
    for _, row in ipairs(body.body) do short(row) end
  end
  return { pandoc.RawBlock("html", '<div class="scroll">'), t, pandoc.RawBlock("html", "</div>") }
end

-- A link to a heading, to be copied.
local function header(h)
  if h.level > 1 and h.identifier ~= "" then
    local said = "Link to “" .. text(h.content) .. "”"
    h.content:insert(pandoc.RawInline("html", string.format(
      '<a class="anchor" href="#%s" aria-label="%s" tabindex="-1">#</a>', h.identifier, said:gsub('"', "&quot;"))))
    return h
  end
end

-- The links come last, as the table of contents is made of headings; sources, whose lines have ids, have none.
return { { Meta = read_meta }, { Div = callout, Image = image, Link = link, Table = tables }, { Figure = figure, Para = paragraph, Header = header } }
