"""The English and Japanese words for people, animals, machines and actions, in the form of tower_animatic.words."""

from __future__ import annotations

OUTFIT_WORDS = {
    "detective": """
        detective noir spy spies agent inspector fedora 探偵 刑事
    """,
    "samurai": """
        samurai ronin swordsman swordswoman warrior ninja 侍 武士 剣士 浪人 忍者
    """,
    "kimono": """
        kimono yukata miko geisha maiko 着物 浴衣 巫女 芸者
    """,
}
PERSON_WORDS = {
    "girl": """
        girl woman women schoolgirl heroine lady ladies princess mother sister witch female queen 少女 女 女性
        女の子 姫 魔女 母 姉 妹 女王 王女
    """,
    "boy": """
        boy man men schoolboy hero heroes guy prince father brother male king 少年 男 男性 男の子 王子 父 兄 弟 王様
    """,
}
PRONOUNS = {"girl": "she her 彼女", "boy": "he his him 彼"}
ANYONE_WORDS = """
    person people figure character someone stranger pedestrian protagonist crowd traveler traveller wanderer student
    pilot 人 人々 人物 誰か 主人公 旅人 学生 大人
"""
PAIR_WORDS = "lover couple sweetheart 恋人 恋人たち カップル 夫婦"
NUMBER_WORDS = {2: "two pair_of both 二人 2人 二匹 2匹 二体 二羽", 3: "three 三人 3人 三匹 3匹 三体 三羽"}
FIGHT_WORDS = "battle fight fighting duel 戦い 決闘 対決 戦う 戦闘"
WALKING_WORDS = """
    walk walking run running stroll strolling wander wandering approaching chase chasing 歩く 歩いて 歩き 走る
    走って 走り 散歩
"""

CREATURE_WORDS = {
    "robot": "robot android mecha mech cyborg ロボット アンドロイド メカ",
    "fox": "fox foxes kitsune 狐 キツネ きつね",
    "cat": "cat kitten kitty house_cat 猫 ネコ 子猫 黒猫",
    "dog": "dog puppy puppies wolf wolves golden_retriever 犬 イヌ 子犬 狼 オオカミ",
    "deer": "deer stag doe 鹿 シカ 子鹿",
    "bird": "bird crow raven crane heron owl 鳥 小鳥 烏 カラス 鶴",
    "dragon": "dragon wyvern 竜 龍 ドラゴン",
}

PEOPLE_IN_A_COAT = {
    "astronaut": "astronaut 宇宙飛行士",
    "knight": "knight 騎士",
    "soldier": "soldier 兵士",
    "wizard": "wizard mage sorcerer 魔法使い",
    "child": "child children kid baby babies 子供 子ども 赤ちゃん",
    "elf": "elf elves エルフ",
    "pirate": "pirate 海賊",
    "mermaid": "mermaid 人魚",
    "angel": "angel 天使",
    "demon": "demon devil vampire zombie 悪魔 鬼 吸血鬼",
    "alien": "alien 宇宙人",
}
"""People without clothes of their own: they are drawn in a coat, and the engine says so."""

UNDRAWN_WORDS = {
    "kissing": "kiss kisses kissing キス 口づけ",
    "an embrace": "hug hugging embrace embracing 抱き合う 抱きしめる 抱きしめて",
    "a fight": "battle fight fighting duel 戦い 決闘 対決 戦う 戦闘",
    "dancing": "dance dancing 踊る 踊って ダンス",
    "sitting": "sit sits sitting 座る 座って",
    "sleeping": "sleep sleeping asleep 眠る 眠って 寝て",
    "reading": "reading 読書 読んで",
    "crying": "cry cries crying tears weeping 泣く 泣いて 涙",
    "eating": "eating drinking 食べる 食べて 飲んで",
    "swimming": "swim swimming 泳ぐ 泳いで",
    "jumping": "jump jumping leaping 跳ぶ ジャンプ",
    "singing": "sing singing 歌う 歌って",
    "an explosion": "explosion explode exploding 爆発",
    "a car": "car truck bus buses taxi 車 自動車 バス",
    "a train": "train 電車 列車",
    "a bicycle": "bicycle bike motorcycle mountain_bike 自転車 バイク",
    "an aircraft": "airplane aeroplane airship helicopter 飛行機 飛行船",
    "a spaceship": "spaceship starship rocket 宇宙船 ロケット",
    "an umbrella": "umbrella 傘",
    "a horse": "horse unicorn 馬",
    "a rabbit": "rabbit bunny bunnies 兎 うさぎ ウサギ",
    "a bear": "bear polar_bear 熊 クマ",
    "a lion": "lion tiger leopard ライオン 虎",
    "an elephant": "elephant 象 ゾウ",
    "a fish": "fish shark whale dolphin 魚 鯨 サメ クジラ イルカ",
    "a monster": "monster kaiju 怪獣 怪物",
    "a ghost": "ghost 幽霊",
    "a camel": "camel ラクダ",
    "fireworks": "firework 花火",
    "a rainbow": "rainbow 虹",
}
"""What the engine recognises and does not draw, by the name in its note."""
